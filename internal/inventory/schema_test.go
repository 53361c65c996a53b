package inventory

import (
	"bytes"
	"os"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fileSchema is datastore/hosts.schema.json, with the JSON inside the values checked too.
func fileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile("../../datastore/hosts.schema.json")
	require.NoError(t, err)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	c.AssertContent()
	require.NoError(t, c.AddResource("hosts.schema.json", doc))
	schema, err := c.Compile("hosts.schema.json")
	require.NoError(t, err)
	return schema
}

func TestTheSchemaAcceptsWhatThePackLoads(t *testing.T) {
	schema := fileSchema(t)
	example, err := os.ReadFile("../../datastore/hosts.json")
	require.NoError(t, err)
	for name, text := range map[string][]byte{
		"the example":         example,
		"a file of 2019":      file(map[string]string{"hosts": `["hpe1"]`, "hpe1": old, "bookings": "[]"}),
		"a MAC in capitals":   with("3c:fd:fe:00:00:01", "3C-FD-FE-00-00-01"),
		"an unknown key":      with(`"fog_name"`, `"rack": 3, "fog_name"`),
		"the BMC is asked":    bmc(`{"address": "10.0.0.13", "credentials": "k", "cipher_suite": -1}`),
		"a bond":              bonds(`[{"name": "bond0", "interfaces": ["3c:fd:fe:00:00:01", "3c:fd:fe:00:00:02"]}]`),
		"a bond with LACP":    bonds(`[{"name": "bond0", "mode": "802.3ad", "interfaces": ["3c:fd:fe:00:00:01", "3c:fd:fe:00:00:02"]}]`),
		"a switch by default": sw(`{}`),
		"an Open vSwitch":     sw(`{"driver": "ovs", "address": "ssl:10.0.0.2:6640", "credentials": "k"}`),
	} {
		t.Run(name, func(t *testing.T) {
			_, errors, _ := ParseFile(text)
			require.Empty(t, errors)
			doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
			require.NoError(t, err)
			assert.NoError(t, schema.Validate(doc))
		})
	}
}

func TestTheSchemaRefusesWhatOneEntryHasWrong(t *testing.T) {
	schema := fileSchema(t)
	for name, text := range map[string][]byte{
		"a value that is no string":       []byte(`[{"name": "hosts", "value": []}]`),
		"a value that is no JSON":         file(map[string]string{"hosts": `[hpe1]`}),
		"no list of hosts":                file(map[string]string{"hpe1": old}),
		"a hostname that is a number":     with(`"hpe1.lab.example"`, `7`),
		"an interface under no MAC":       with(`"3c:fd:fe:00:00:01": {`, `"eno1": {`),
		"an interface without a port":     with(`"port": "ethernet1/1",`, ``),
		"a bond of one interface":         bonds(`[{"name": "bond0", "interfaces": ["3c:fd:fe:00:00:01"]}]`),
		"a bond with a strange mode":      bonds(`[{"name": "bond0", "mode": "broadcast", "interfaces": ["3c:fd:fe:00:00:01", "3c:fd:fe:00:00:02"]}]`),
		"a bond with a strange name":      bonds(`[{"name": "team0", "interfaces": ["3c:fd:fe:00:00:01", "3c:fd:fe:00:00:02"]}]`),
		"a VLAN out of range":             with(`"bus"`, `"bmc_vlan": 5000, "bus"`),
		"a BMC with a password":           bmc(`{"address": "a", "credentials": "k", "password": "x"}`),
		"a BMC without credentials":       bmc(`{"address": "a"}`),
		"a BMC that lets everybody in":    bmc(`{"address": "a", "credentials": "k", "cipher_suite": 0}`),
		"a switch with an unknown driver": sw(`{"driver": "ios"}`),
	} {
		t.Run(name, func(t *testing.T) {
			_, errors, _ := ParseFile(text)
			require.NotEmpty(t, errors)
			doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
			require.NoError(t, err)
			assert.Error(t, schema.Validate(doc))
		})
	}
}
