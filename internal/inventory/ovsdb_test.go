package inventory

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/fault"
)

func TestAnOpenVSwitchIsWarnedOfWhereItsDatabaseIsReachedInClear(t *testing.T) {
	for address, warned := range map[string]bool{"ssl:10.0.0.2:6640": false, "ssl:[fd00::2]:6640": false, "unix:/run/openvswitch/db.sock": false, "tcp:sw1.lab.example:6640": true} {
		inv, errors, warnings := ParseFile(sw(`{"driver": "ovs", "address": "` + address + `"}`))
		require.Empty(t, errors, address)
		assert.Equal(t, Switch{Name: "10.0.0.2", Driver: "ovs", Address: address}, *inv.Switches["10.0.0.2"])
		found := false
		for _, w := range warnings {
			found = found || w.Path == "switch_10.0.0.2.address"
		}
		assert.Equal(t, warned, found, address)
	}
}

func TestTheCertificateForASwitchComesFromAnEncryptedKey(t *testing.T) {
	const pair = `{"certificate": "CERT", "private_key": "hunter2"}`
	for name, c := range map[string]struct {
		keys    store
		problem string
	}{
		"the key that the entry names":      {store{"!k": pair}, ""},
		"stored in clear":                   {store{"k": pair}, "is stored in clear"},
		"a key that does not exist":         {store{}, "does not exist"},
		"a key that holds a password":       {store{"!k": `{"user": "admin", "password": "hunter2"}`}, "does not hold"},
		"a key that holds no private key":   {store{"!k": `{"certificate": "CERT"}`}, "does not hold"},
		"a key that holds something else":   {store{"!k": "hunter2"}, "does not hold"},
		"a key that holds half of the JSON": {store{"!k": pair[:20]}, "does not hold"},
	} {
		t.Run(name, func(t *testing.T) {
			certificate, key, err := SwitchCertificate(t.Context(), c.keys, &Switch{Name: "a", Credentials: "k"})
			if c.problem == "" {
				require.NoError(t, err)
				assert.Equal(t, "CERT", certificate)
				assert.Equal(t, "hunter2", key.Reveal())
				return
			}
			require.ErrorContains(t, err, c.problem)
			assert.NotContains(t, err.Error(), "hunter2")
			assert.Equal(t, fault.Config, fault.KindOf(err))
			assert.Contains(t, fault.HintOf(err), "--encrypt")
		})
	}
	certificate, key, err := SwitchCertificate(t.Context(), store{"!switch_a": pair}, &Switch{Name: "a"})
	require.NoError(t, err)
	assert.Empty(t, certificate, "a switch whose entry names no key asks for no certificate")
	assert.True(t, key.IsZero())
}
