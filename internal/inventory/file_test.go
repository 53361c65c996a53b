package inventory

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// old is one host as files of 2019 have it: laas_id, numbers as images, no BMC.
const old = `{"laas_id": "hpe1", "fog_name": "hpe1", "hostname": "hpe1.lab.example", "ubuntu_image": 17, "centos_image": "12", "suse_image": "",
	"interfaces": {"3c:fd:fe:00:00:01": {"mac": "3c:fd:fe:00:00:01", "bus": "0000:03:00.0", "switch": "10.0.0.2", "port": "ethernet1/1", "name": "eno1"}}}`

// file makes a hosts.json of keys and their values.
func file(entries map[string]string) []byte {
	var list []map[string]any
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		list = append(list, map[string]any{"name": name, "value": entries[name]})
	}
	text, _ := json.Marshal(list)
	return text
}

// with is old with one thing changed.
func with(before, after string) []byte {
	if !strings.Contains(old, before) {
		panic(before)
	}
	return file(map[string]string{"hosts": `["hpe1"]`, "hpe1": strings.Replace(old, before, after, 1), "switch_10.0.0.2": `{}`})
}

// two is old and a second host, with one thing changed in the second.
func two(before, after string) []byte {
	second := strings.NewReplacer("hpe1", "hpe2", "00:00:01", "00:00:02", "ethernet1/1", "ethernet1/2").Replace(old)
	if !strings.Contains(second, before) {
		panic(before)
	}
	return file(map[string]string{"hosts": `["hpe1", "hpe2"]`, "switch_10.0.0.2": `{}`, "hpe1": old, "hpe2": strings.Replace(second, before, after, 1)})
}

// bmc is old with that BMC.
func bmc(text string) []byte { return with(`"fog_name"`, `"bmc": `+text+`, "fog_name"`) }

// bonds is old with four interfaces and those bonds.
func bonds(text string) []byte {
	return with(`"interfaces": {`, `"bonds": `+text+`, "interfaces": {"3c:fd:fe:00:00:02": {"switch": "10.0.0.2", "port": "ethernet1/2"},
		"3c:fd:fe:00:00:03": {"switch": "10.0.0.2", "port": "ethernet1/3"}, "3c:fd:fe:00:00:04": {"switch": "10.0.0.2", "port": "ethernet1/4"}, `)
}

func sw(text string) []byte {
	return file(map[string]string{"hosts": `["hpe1"]`, "hpe1": old, "switch_10.0.0.2": text})
}

func TestParseFileFindsEveryProblem(t *testing.T) {
	const nic = "hpe1.interfaces[3c:fd:fe:00:00:01]"
	for name, c := range map[string]struct {
		file       []byte
		path, text string
	}{
		"the file is not JSON":                       {[]byte("[\n {]"), "(file)", "not JSON (line 2, column 3)"},
		"the file ends too early":                    {[]byte(`[{"name": "hosts"`), "(file)", "ends too early"},
		"the file is an object":                      {[]byte(`{"hosts": []}`), "(file)", "is an object; a list"},
		"an entry is no object":                      {[]byte(`[{"name": "hosts", "value": "[]"}, "hosts"]`), "[1]", "is a text; an object"},
		"an entry has no name":                       {[]byte(`[{"name": "hosts", "value": "[]"}, {"value": "x"}]`), "[1].name", "not given"},
		"an entry has no value":                      {[]byte(`[{"name": "hosts", "value": "[]"}, {"name": "hpe1"}]`), "hpe1.value", "not given"},
		"a value is JSON and not a string of JSON":   {[]byte(`[{"name": "hosts", "value": "[]"}, {"name": "hpe1", "value": {"fog_name": "x"}}]`), "hpe1.value", "is an object; StackStorm stores texts only"},
		"a value is a string and not JSON":           {file(map[string]string{"hosts": `["hpe1"]`, "hpe1": `{"laas_id": hpe1}`}), "hpe1", "the value is not JSON (line 1, column 13)"},
		"two entries have one name":                  {[]byte(`[{"name": "hosts", "value": "[]"}, {"name": "hosts", "value": "[]"}]`), "hosts", "two entries"},
		"a key is in another scope":                  {[]byte(`[{"name": "hosts", "value": "[]", "scope": "user"}]`), "hosts.scope", "system scope"},
		"a key belongs to the pack":                  {file(map[string]string{"hosts": "[]", "laas.owner.hpe1": "{}"}), "laas.owner.hpe1", "the pack writes itself"},
		"there is no list of hosts":                  {file(map[string]string{"hpe1": old}), "hosts", "has no entry"},
		"the list of hosts is none":                  {file(map[string]string{"hosts": `"hpe1"`}), "hosts", "is a text; a list of names"},
		"the list of hosts is not JSON":              {file(map[string]string{"hosts": `[hpe1]`}), "hosts", "is not JSON"},
		"the list of hosts holds a number":           {file(map[string]string{"hosts": `[1]`}), "hosts[0]", "is a number; the name"},
		"the list of hosts names a host twice":       {file(map[string]string{"hosts": `["hpe1", "hpe1"]`, "hpe1": old}), "hosts[1]", "twice"},
		"the list of hosts names one without entry":  {file(map[string]string{"hosts": `["hpe1", "hpe9"]`, "hpe1": old}), "hosts", "lists hpe9, which has no entry"},
		"the name of a host holds a template":        {file(map[string]string{"hosts": `["{{ x }}"]`}), "hosts[0]", "cannot be the name of a host"},
		"the name of a host means something else":    {file(map[string]string{"hosts": `["switch_a"]`, "switch_a": "{}"}), "hosts[0]", "another meaning"},
		"the entry of a host is a list":              {file(map[string]string{"hosts": `["hpe1"]`, "hpe1": `[]`}), "hpe1", "is a list; an object"},
		"the entry of a host is encrypted":           {[]byte(`[{"name": "hosts", "value": "[\"hpe1\"]"}, {"name": "hpe1", "value": "00AF", "encrypted": true}]`), "hpe1", "encrypted already"},
		"a key of a host is there twice":             {with(`"fog_name": "hpe1"`, `"fog_name": "hpe1", "fog_name": "hpe2"`), "hpe1.fog_name", "twice"},
		"the hostname is a number":                   {with(`"hpe1.lab.example"`, `7`), "hpe1.hostname", "is a number; a text"},
		"the hostname is against RFC 1123":           {with(`hpe1.lab.example`, `hpe_1.lab.example`), "hpe1.hostname", "RFC 1123"},
		"the hostname is a shell command":            {with(`hpe1.lab.example`, `$(reboot)`), "hpe1.hostname", "RFC 1123"},
		"the hostname is a mistyped address":         {with(`hpe1.lab.example`, `10.0.0.256`), "hpe1.hostname", "RFC 1123"},
		"the hostname has white space around it":     {with(`hpe1.lab.example`, `hpe1.lab.example `), "hpe1.hostname", "white space"},
		"the dashboard's ids differ":                 {with(`"laas_id"`, `"dashboard_id": "a", "laas_id"`), "hpe1.laas_id", `is "hpe1" and dashboard_id is "a"`},
		"the dashboard's id is a path":               {with(`"laas_id": "hpe1"`, `"laas_id": "../jobs"`), "hpe1.dashboard_id", "cannot be an id"},
		"two hosts have one dashboard id":            {two(`"laas_id": "hpe2"`, `"laas_id": "hpe1"`), "hpe2.dashboard_id", "also at hpe1.dashboard_id"},
		"two hosts have one name in FOG":             {two(`"fog_name": "hpe2"`, `"fog_name": "HPE1"`), "hpe2.fog_name", "also at hpe1.fog_name"},
		"two hosts are reached at one address":       {two(`hpe2.lab.example`, `hpe1.lab.example`), "hpe2.hostname", "also at hpe1.hostname"},
		"two hosts have one MAC":                     {two(`"3c:fd:fe:00:00:02": {"mac": "3c:fd:fe:00:00:02"`, `"3C-FD-FE-00-00-01": {"mac": "3c:fd:fe:00:00:01"`), "hpe2.interfaces[3c:fd:fe:00:00:01]", "also at " + nic},
		"two interfaces share a switch port":         {two(`ethernet1/2`, `Eth 1/1`), "hpe2.interfaces[3c:fd:fe:00:00:02].port", "also at " + nic + ".port"},
		"the SSH port is a text":                     {with(`"fog_name"`, `"ssh_port": "22", "fog_name"`), "hpe1.ssh_port", "without quotes"},
		"the SSH port is out of range":               {with(`"fog_name"`, `"ssh_port": 70000, "fog_name"`), "hpe1.ssh_port", "is 70000; a port is 1 to 65535"},
		"the SSH port is a fraction":                 {with(`"fog_name"`, `"ssh_port": 22.5, "fog_name"`), "hpe1.ssh_port", "a whole number"},
		"the interfaces are a list":                  {file(map[string]string{"hosts": `["hpe1"]`, "hpe1": `{"fog_name":"a","hostname":"a","interfaces":[]}`}), "hpe1.interfaces", "is a list; an object"},
		"the key of an interface is no MAC":          {with(`"3c:fd:fe:00:00:01": {`, `"eno1": {`), "hpe1.interfaces[eno1]", "is no MAC address"},
		"the MAC of an interface is a broadcast":     {with(`"3c:fd:fe:00:00:01": {"mac": "3c:fd:fe:00:00:01"`, `"ff:ff:ff:ff:ff:ff": {"mac": "ff:ff:ff:ff:ff:ff"`), "hpe1.interfaces[ff:ff:ff:ff:ff:ff]", "not the address of an interface"},
		"the MAC differs from its key":               {with(`"mac": "3c:fd:fe:00:00:01"`, `"mac": "3c:fd:fe:00:00:02"`), nic + ".mac", "differs from the key"},
		"an interface has no switch":                 {with(`"switch": "10.0.0.2"`, `"switch": ""`), nic + ".switch", "not given"},
		"an interface has no port":                   {with(`"port": "ethernet1/1"`, `"port": null`), nic + ".port", "not given"},
		"a port holds a second command":              {with(`ethernet1/1`, `ethernet1/1 ;shutdown`), nic + ".port", "cannot be the name of a port"},
		"the name of an interface is impossible":     {with(`eno1`, `eno 1`), nic + ".name", "cannot be the name of an interface"},
		"the BMC's VLAN is out of range":             {with(`"name": "eno1"`, `"name": "eno1", "bmc_vlan": 4095`), nic + ".bmc_vlan", "a VLAN is 1 to 4094"},
		"the bonds are an object":                    {bonds(`{}`), "hpe1.bonds", "is an object; a list"},
		"a bond is a text":                           {bonds(`["bond0"]`), "hpe1.bonds[0]", "is a text; an object"},
		"a bond has an impossible name":              {bonds(`[{"name": "team0", "interfaces": ["3c:fd:fe:00:00:01", "3c:fd:fe:00:00:02"]}]`), "hpe1.bonds[0].name", "bond0 to bond99"},
		"two bonds have one name":                    {bonds(`[{"name": "bond0", "interfaces": ["3c:fd:fe:00:00:01", "3c:fd:fe:00:00:02"]}, {"name": "bond0", "interfaces": ["3c:fd:fe:00:00:03", "3c:fd:fe:00:00:04"]}]`), "hpe1.bonds[1].name", "twice"},
		"a bond has a mode that needs a switch":      {bonds(`[{"name": "bond0", "mode": "balance-rr", "interfaces": ["3c:fd:fe:00:00:01", "3c:fd:fe:00:00:02"]}]`), "hpe1.bonds[0].mode", "allowed are active-backup"},
		"a bond of one interface":                    {bonds(`[{"name": "bond0", "interfaces": ["3c:fd:fe:00:00:01"]}]`), "hpe1.bonds[0].interfaces", "two interfaces or more"},
		"a bond without interfaces":                  {bonds(`[{"name": "bond0"}]`), "hpe1.bonds[0].interfaces", "a list of MAC addresses"},
		"a bond of names":                            {bonds(`[{"name": "bond0", "interfaces": ["3c:fd:fe:00:00:01", "eno2"]}]`), "hpe1.bonds[0].interfaces[1]", "is no MAC address"},
		"a bond of another host's interface":         {bonds(`[{"name": "bond0", "interfaces": ["3c:fd:fe:00:00:01", "3c:fd:fe:00:00:09"]}]`), "hpe1.bonds[0].interfaces[1]", "none of the host's interfaces"},
		"an interface is in a bond twice":            {bonds(`[{"name": "bond0", "interfaces": ["3c:fd:fe:00:00:01", "3c:fd:fe:00:00:01"]}]`), "hpe1.bonds[0].interfaces[1]", "in bond0 already"},
		"an interface is in two bonds":               {bonds(`[{"name": "bond0", "interfaces": ["3c:fd:fe:00:00:01", "3c:fd:fe:00:00:02"]}, {"name": "bond1", "interfaces": ["3C:FD:FE:00:00:02", "3c:fd:fe:00:00:03"]}]`), "hpe1.bonds[1].interfaces[0]", "in bond0 already"},
		"a host holds a password":                    {with(`"fog_name"`, `"root_password": "hunter2", "fog_name"`), "hpe1", `encrypted key`},
		"a BMC holds a password":                     {bmc(`{"address": "10.0.0.13", "user": "admin", "password": "hunter2"}`), "hpe1.bmc", `"credentials": "login_bmc_hpe1"`},
		"a switch holds a password":                  {sw(`{"user": "admin", "password": "hunter2"}`), "switch_10.0.0.2", `"credentials": "login_switch_10.0.0.2"`},
		"another key holds a password":               {file(map[string]string{"hosts": "[]", "pdu": `{"Password": "hunter2"}`}), "pdu", `"secret": true`},
		"a BMC has no address":                       {bmc(`{"credentials": "k"}`), "hpe1.bmc.address", "neither an IP address nor a host name"},
		"a BMC has no credentials":                   {bmc(`{"address": "10.0.0.13"}`), "hpe1.bmc.credentials", "login_bmc_hpe1"},
		"the credentials of a BMC are no key":        {bmc(`{"address": "10.0.0.13", "credentials": "a:b"}`), "hpe1.bmc.credentials", "cannot be the name of a datastore key"},
		"a BMC is a text":                            {bmc(`"10.0.0.13"`), "hpe1.bmc", "is a text; an object"},
		"the BMC's protocol is unknown":              {bmc(`{"address": "10.0.0.13", "credentials": "k", "protocol": "ilo"}`), "hpe1.bmc.protocol", "allowed are ipmi, redfish"},
		"the BMC's port is out of range":             {bmc(`{"address": "10.0.0.13", "credentials": "k", "port": 0}`), "hpe1.bmc.port", "1 to 65535"},
		"the BMC's cipher suite is out of range":     {bmc(`{"address": "10.0.0.13", "credentials": "k", "cipher_suite": 18}`), "hpe1.bmc.cipher_suite", "-1 to 17"},
		"the BMC's cipher suite lets everybody in":   {bmc(`{"address": "10.0.0.13", "credentials": "k", "cipher_suite": 0}`), "hpe1.bmc.cipher_suite", "without a password"},
		"the BMC's MAC is an interface's":            {bmc(`{"address": "10.0.0.13", "credentials": "k", "mac": "3c:fd:fe:00:00:01"}`), "hpe1.bmc.mac", "also at " + nic},
		"two hosts have one BMC":                     {bothBMC(), "hpe2.bmc.address", "BMC 10.0.0.13 port 623 is also at hpe1.bmc.address"},
		"the driver of a switch is unknown":          {sw(`{"driver": "ios"}`), "switch_10.0.0.2.driver", "allowed are nxos, ovs"},
		"an Open vSwitch without an address":         {sw(`{"driver": "ovs"}`), "switch_10.0.0.2.address", "ssl:HOST:PORT"},
		"an Open vSwitch at a URL":                   {sw(`{"driver": "ovs", "address": "https://10.0.0.2"}`), "switch_10.0.0.2.address", "ssl:HOST:PORT"},
		"an Open vSwitch without a port":             {sw(`{"driver": "ovs", "address": "ssl:10.0.0.2"}`), "switch_10.0.0.2.address", "ssl:HOST:PORT"},
		"an Open vSwitch at a port that is none":     {sw(`{"driver": "ovs", "address": "ssl:10.0.0.2:x"}`), "switch_10.0.0.2.address", "ssl:HOST:PORT"},
		"an Open vSwitch at a relative path":         {sw(`{"driver": "ovs", "address": "unix:db.sock"}`), "switch_10.0.0.2.address", "ssl:HOST:PORT"},
		"a Nexus at the address of a database":       {sw(`{"address": "ssl:10.0.0.2:6640"}`), "switch_10.0.0.2.address", "http(s)://host:port"},
		"the address of a switch is a path":          {sw(`{"address": "https://10.0.0.2/ins"}`), "switch_10.0.0.2.address", "http(s)://host:port"},
		"the address of a switch holds a login":      {sw(`{"address": "https://admin:hunter2@10.0.0.2"}`), "switch_10.0.0.2.address", "http(s)://host:port"},
		"the port in a switch's address is no port":  {sw(`{"address": "10.0.0.2:x"}`), "switch_10.0.0.2.address", "http(s)://host:port"},
		"the entry of a switch is not JSON":          {sw(`admin/hunter2`), "switch_10.0.0.2", "is not JSON"},
		"two switches have one address":              {file(map[string]string{"hosts": "[]", "switch_a": `{"address": "10.0.0.2"}`, "switch_b": `{"address": "10.0.0.2"}`}), "switch_b.address", "also at switch_a.address"},
		"the name of a switch is against the naming": {file(map[string]string{"hosts": "[]", "switch_a b": `{"address": "10.0.0.2"}`}), "switch_a b", "cannot be the name of a switch"},
	} {
		t.Run(name, func(t *testing.T) {
			inv, errors, _ := ParseFile(c.file)
			assert.Nil(t, inv, "nothing is half read")
			require.Len(t, errors, 1, "%v", errors)
			assert.Equal(t, c.path, errors[0].Path)
			assert.Contains(t, errors[0].Text, c.text)
			assert.NotContains(t, errors[0].Text, "hunter2")
		})
	}
}

// secretSwitch has the login to the switch in an entry that StackStorm encrypts.
func secretSwitch() []byte {
	text := string(sw(`{"user": "x", "password": "hunter2"}`))
	return []byte(strings.Replace(text, `"name":"switch`, `"secret":true,"name":"switch`, 1))
}

func bothBMC() []byte {
	var list []map[string]string
	_ = json.Unmarshal(two("hpe2", "hpe2"), &list)
	for _, e := range list {
		e["value"] = strings.Replace(e["value"], `"fog_name"`, `"bmc": {"address": "10.0.0.13", "credentials": "k"}, "fog_name"`, 1)
	}
	text, _ := json.Marshal(list)
	return text
}

func TestParseFileWarnsOfWhatDeservesALook(t *testing.T) {
	for name, c := range map[string]struct {
		file       []byte
		path, text string
	}{
		"a MAC is written in capitals":           {with(`"3c:fd:fe:00:00:01": {"mac": "3c:fd:fe:00:00:01"`, `"3C:FD:FE:00:00:01": {"mac": "3C:FD:FE:00:00:01"`), "hpe1.interfaces[3C:FD:FE:00:00:01]", "is read as 3c:fd:fe:00:00:01"},
		"a switch has no entry":                  {file(map[string]string{"hosts": `["hpe1"]`, "hpe1": old}), "hpe1.interfaces[3c:fd:fe:00:00:01].switch", "encrypted key switch_10.0.0.2"},
		"a switch has no interface":              {file(map[string]string{"hosts": `[]`, "switch_a": "{}"}), "switch_a", "cabled to no interface"},
		"a host has no interfaces":               {file(map[string]string{"hosts": `["a"]`, "a": `{"fog_name": "a", "hostname": "a"}`}), "a.interfaces", "not wired"},
		"a host has an unknown key":              {with(`"fog_name"`, `"rack": 3, "fog_name"`), "hpe1.rack", "unknown to the pack; it is kept"},
		"an interface has an unknown key":        {with(`"bus"`, `"slot"`), "hpe1.interfaces[3c:fd:fe:00:00:01].slot", "unknown"},
		"a host has no name in FOG":              {with(`"fog_name": "hpe1",`, ``), "hpe1.fog_name", `asked for a host "hpe1"`},
		"a host has no hostname":                 {with(`"hostname": "hpe1.lab.example",`, ``), "hpe1.hostname", `reaches the host as "hpe1"`},
		"an image is none":                       {with(`17`, `-1`), "hpe1.ubuntu_image", "no image of FOG"},
		"a cipher suite does not encrypt":        {bmc(`{"address": "10.0.0.13", "credentials": "k", "cipher_suite": 1}`), "hpe1.bmc.cipher_suite", "does not encrypt"},
		"a host is not in the list":              {file(map[string]string{"hosts": `[]`, "hpe1": old}), "hpe1", `not in the list "hosts"`},
		"a switch's login stands in a secret":    {secretSwitch(), "switch_10.0.0.2", "keep the file to yourself"},
		"the list is of nobody":                  {file(map[string]string{"hosts": `[]`}), "hosts", "is empty"},
		"a hardware address is in Cisco's shape": {with(`"3c:fd:fe:00:00:01": {`, `"3cfd.fe00.0001": {`), "hpe1.interfaces[3cfd.fe00.0001]", "is read as 3c:fd:fe:00:00:01"},
	} {
		t.Run(name, func(t *testing.T) {
			inv, errors, warnings := ParseFile(c.file)
			require.Empty(t, errors)
			require.NotNil(t, inv)
			var found []string
			for _, w := range warnings {
				assert.NotContains(t, w.Text, "hunter2")
				if w.Path == c.path {
					found = append(found, w.Text)
				}
			}
			require.Len(t, found, 1, "%v", warnings)
			assert.Contains(t, found[0], c.text)
		})
	}
}

func TestAFileOf2019LoadsUnchanged(t *testing.T) {
	inv, errors, _ := ParseFile(file(map[string]string{"hosts": `["hpe1"]`, "hpe1": old, "bookings": "[]"}))
	require.Empty(t, errors)
	assert.Equal(t, &Inventory{
		Names: []string{"hpe1"},
		Hosts: map[string]*Host{"hpe1": {
			Name: "hpe1", DashboardID: "hpe1", FOGName: "hpe1", Hostname: "hpe1.lab.example", SSHPort: 22,
			Images: map[string]string{"ubuntu": "17", "centos": "12"},
			NICs:   []NIC{{MAC: "3c:fd:fe:00:00:01", Name: "eno1", Bus: "0000:03:00.0", Switch: "10.0.0.2", Port: "ethernet1/1"}},
		}},
		Switches: map[string]*Switch{"10.0.0.2": {Name: "10.0.0.2", Driver: "nxos", Address: "10.0.0.2"}},
	}, inv)
	assert.Same(t, inv.Hosts["hpe1"], inv.ByDashboardID("hpe1"))
}

func TestAllProblemsAreToldAtOnceInTheOrderOfTheFile(t *testing.T) {
	bad := strings.NewReplacer("hpe1.lab.example", "hpe_1", `"ethernet1/1"`, `""`).Replace(old)
	_, errors, warnings := ParseFile(file(map[string]string{"hosts": `["hpe1", "gone"]`, "hpe1": bad, "switch_a": `{"driver": "x", "y": 1}`}))
	var paths []string
	for _, e := range errors {
		paths = append(paths, e.Path)
	}
	assert.Equal(t, []string{"hosts", "hpe1.hostname", "hpe1.interfaces[3c:fd:fe:00:00:01].port", "switch_a.driver"}, paths)
	assert.NotEmpty(t, warnings)
}

func TestTheExampleIsInOrder(t *testing.T) {
	text, err := os.ReadFile("../../datastore/hosts.json")
	require.NoError(t, err)
	inv, errors, warnings := ParseFile(text)
	require.Empty(t, errors)
	assert.Empty(t, warnings)
	require.Len(t, inv.Names, 2)
	for _, h := range inv.Hosts {
		assert.Len(t, h.NICs, 2)
		require.NotNil(t, h.BMC)
		assert.Equal(t, BMC{Address: h.BMC.Address, Protocol: "ipmi", Port: 623, CipherSuite: 17, MAC: h.BMC.MAC, Credentials: "login_bmc_" + h.Name}, *h.BMC)
	}
	assert.Len(t, inv.Switches, 1)
}

func FuzzParseFile(f *testing.F) {
	f.Add(file(map[string]string{"hosts": `["hpe1"]`, "hpe1": old}))
	f.Add([]byte(`[{"name": "hosts", "value": "[\"a\"]"}, {"name": "a", "value": "{\"interfaces\": {\"x\": null}, \"bmc\": 1}"}]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		inv, errors, _ := ParseFile(text)
		if (inv == nil) == (len(errors) == 0) {
			t.Fatal("either an inventory or errors")
		}
		if inv != nil {
			for _, name := range inv.Names {
				if inv.Hosts[name] == nil {
					t.Fatal("a host of the list is missing")
				}
			}
			inv.Table(discard{})
		}
	})
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func ExampleValidate() {
	Validate(os.Stdout, with(`"switch": "10.0.0.2"`, `"switch": "10.0.0.3", "slot": 1`))
	fmt.Println()
	Validate(os.Stdout, with(`hpe1.lab.example`, `hpe 1`))
	// Output:
	// warning: hpe1.interfaces[3c:fd:fe:00:00:01].slot: is unknown to the pack; it is kept and has no effect (is it a misspelling?)
	// warning: switch_10.0.0.2: is cabled to no interface of the inventory
	// warning: hpe1.interfaces[3c:fd:fe:00:00:01].switch: switch 10.0.0.3 has no entry here; it is driven as nxos at its name, with the login from the encrypted key switch_10.0.0.3
	// 1 host, 1 interface, 2 switches, 3 warnings
	//
	// error: hpe1.hostname: "hpe 1" is neither an IP address nor a host name (RFC 1123: letters, digits and hyphens between dots)
	// 1 error, 0 warnings: do not load this file
}
