package directory_test

import (
	"crypto/tls"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/directory"
	"stackstorm-laas/internal/directory/directorytest"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/secret"
	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/ldap"
)

// simulated starts a directory of the simulated lab.
func simulated(t *testing.T) (directory.Config, *faults.Set, *ldap.Server) {
	t.Helper()
	cert, key, roots := newCertificate(t)
	pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
	require.NoError(t, err)
	f := &faults.Set{}
	s, err := ldap.Serve(nil, f, ldap.Config{
		Base: "dc=lab,dc=example", Branch: "ou=people", AdminDN: "cn=laas,dc=lab,dc=example", AdminPassword: "lab-secret",
		TLS: &tls.Config{Certificates: []tls.Certificate{pair}}, RequireTLS: true,
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return directory.Config{
		Server: s.Addr(), Security: "starttls", BindDN: "cn=laas,dc=lab,dc=example", Password: secret.New("lab-secret"),
		Base: "dc=lab,dc=example", Branch: "ou=people", Timeout: 5 * time.Second, TLS: &tls.Config{RootCAs: roots},
	}, f, s
}

func TestTheSimulatedDirectoryIsUsedAsPromised(t *testing.T) {
	directorytest.Conformance(t, func(t *testing.T) directory.Config {
		cfg, _, _ := simulated(t)
		return cfg
	})
}

func TestWhatADirectoryDoesNotDoIsNotTakenForDone(t *testing.T) {
	account := directory.Account{UID: "u", Password: secret.New("x")}
	for _, c := range []struct {
		name  string
		fault faults.Fault
		do    func(*testing.T, *directory.Directory) error
		kind  fault.Kind
	}{
		{"it forgets the account", faults.Fault{Op: "add", Kind: faults.Forget},
			func(t *testing.T, d *directory.Directory) error {
				return d.Put(t.Context(), directory.Account{UID: "new", Password: secret.New("x")})
			}, fault.Unproven},
		{"it forgets to delete", faults.Fault{Op: "delete", Kind: faults.Forget},
			func(t *testing.T, d *directory.Directory) error { return d.Delete(t.Context(), "u") }, fault.Unproven},
		{"it hangs when deleting", faults.Fault{Op: "delete", Kind: faults.Hang},
			func(t *testing.T, d *directory.Directory) error { return d.Delete(t.Context(), "u") }, fault.Transient},
		{"it hangs when reading back", faults.Fault{Op: "search", Kind: faults.Hang},
			func(t *testing.T, d *directory.Directory) error { return d.Delete(t.Context(), "u") }, fault.Transient},
		{"it has an internal error", faults.Fault{Op: "modify", Kind: faults.Error500},
			func(t *testing.T, d *directory.Directory) error { return d.Put(t.Context(), account) }, fault.Transient},
		{"it hangs at the account's login, which proves nothing", faults.Fault{Op: "bind", Kind: faults.Hang},
			func(t *testing.T, d *directory.Directory) error { return d.TryLogin(t.Context(), "u", secret.New("x")) }, fault.Transient},
		{"it answers garbage at the account's login, which proves nothing", faults.Fault{Op: "bind", Kind: faults.Garbage},
			func(t *testing.T, d *directory.Directory) error { return d.TryLogin(t.Context(), "u", secret.New("x")) }, fault.Transient},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg, f, _ := simulated(t)
			cfg.Timeout = time.Second
			d, err := directory.Open(t.Context(), cfg)
			require.NoError(t, err)
			defer d.Close()
			require.NoError(t, d.Put(t.Context(), account))
			c.fault.System = "ldap"
			f.Add(c.fault)
			err = c.do(t, d)
			require.Error(t, err)
			assert.Equal(t, c.kind, fault.KindOf(err), "%v", err)
		})
	}
}
