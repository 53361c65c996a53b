package ovs_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/netswitch"
	"stackstorm-laas/internal/netswitch/ovs"
)

// authority signs certificates, of the switch and of the pack.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "lab"}, NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &authority{t, cert, key}
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// issue makes a certificate for 127.0.0.1 and its key.
func (a *authority) issue() (cert, key []byte) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a.t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &k.PublicKey, a.key)
	require.NoError(a.t, err)
	secret, err := x509.MarshalECPrivateKey(k)
	require.NoError(a.t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret})
}

func (a *authority) trust(shown bool) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	c := &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	if shown {
		pair, err := tls.X509KeyPair(a.issue())
		require.NoError(a.t, err)
		c.Certificates = []tls.Certificate{pair}
	}
	return c
}

var listening = regexp.MustCompile(`0:127\.0\.0\.1: listening on port (\d+)`)

// listen makes the database listen on a port of its choice, for ptcp or pssl.
func (b *bench) listen(kind string) (port string) {
	b.t.Helper()
	ports := func() [][]string {
		log, err := os.ReadFile(b.file("ovsdb.log"))
		require.NoError(b.t, err)
		return listening.FindAllStringSubmatch(string(log), -1)
	}
	before := len(ports())
	b.run("ovs-appctl", "--target="+b.file("ovsdb.ctl"), "ovsdb-server/add-remote", kind+":0:127.0.0.1")
	require.Eventually(b.t, func() bool { return len(ports()) > before }, 10*time.Second, 5*time.Millisecond)
	return ports()[before][1]
}

func TestRealOpenVSwitchIsReachedInEveryWay(t *testing.T) {
	a, dir := newAuthority(t), t.TempDir()
	cert, key := a.issue()
	for name, text := range map[string][]byte{"ca.pem": a.pem(), "cert.pem": cert, "key.pem": key} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	b := start(t, "--ca-cert="+filepath.Join(dir, "ca.pem"), "--certificate="+filepath.Join(dir, "cert.pem"), "--private-key="+filepath.Join(dir, "key.pem"))
	b.bridge("br0", 1)
	port := map[string]string{"tcp": b.listen("ptcp"), "ssl": b.listen("pssl")}
	ssl, tcp := "ssl:127.0.0.1:"+port["ssl"], "tcp:127.0.0.1:"+port["tcp"]

	want := []netswitch.Port{{Name: "p1", Native: 10}}
	for i, reached := range []ovs.Config{{Address: b.ovsdb}, {Address: tcp}, {Address: ssl, TLS: a.trust(true)}} {
		d := b.driver(func(c *ovs.Config) { c.Address, c.TLS = reached.Address, reached.TLS })
		want[0].Native = 10 + i
		b.set(d, want...)
		have, err := d.Read(t.Context(), []string{"p1"})
		require.NoError(t, err)
		assert.Empty(t, netswitch.Diff(have["p1"], want[0]), reached.Address)
	}
	for name, c := range map[string]struct {
		address string
		trust   *tls.Config
		kind    fault.Kind
	}{
		"the switch's certificate is not trusted": {ssl, newAuthority(t).trust(false), fault.Config},
		"no certificate is shown to the switch":   {ssl, a.trust(false), fault.Transient},
		"another authority's is shown": {ssl, func() *tls.Config {
			c := a.trust(false)
			c.Certificates = newAuthority(t).trust(true).Certificates
			return c
		}(), fault.Transient},
		"TLS is spoken to a port that does not":      {"ssl:127.0.0.1:" + port["tcp"], a.trust(true), fault.Transient},
		"no database listens there":                  {"unix:" + b.file("nothing.sock"), nil, fault.Transient},
		"in clear to a port that wants it encrypted": {"tcp:127.0.0.1:" + port["ssl"], nil, fault.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			d := b.driver(func(o *ovs.Config) { o.Address, o.TLS, o.Timeout = c.address, c.trust, 2*time.Second })
			_, err := d.Read(t.Context(), []string{"p1"})
			assert.Equal(t, c.kind, fault.KindOf(err), "%v", err)
		})
	}
	assert.Equal(t, "12", b.vsctl("get", "port", "p1", "tag"))
}

func TestRealOpenVSwitchThatDoesNotFollowItsDatabaseProvesNothing(t *testing.T) {
	b := start(t)
	b.bridge("br0", 1, 2)
	d := b.driver(nil)
	b.set(d, netswitch.Port{Name: "p1", Native: 10}, netswitch.Port{Name: "p2", Native: 20})
	require.NoError(t, b.vswitchd.Signal(syscall.SIGSTOP))
	impatient := b.driver(func(c *ovs.Config) { c.Timeout = time.Second })
	_, err := netswitch.Set(t.Context(), impatient, []netswitch.Port{{Name: "p2", Native: 10}})
	assert.Equal(t, fault.Unproven, fault.KindOf(err), "%v", err)
	assert.ErrorContains(t, err, "has not taken over")
	require.NoError(t, b.vswitchd.Signal(syscall.SIGCONT))
	b.set(d, netswitch.Port{Name: "p2", Native: 20})
	assert.False(t, b.reaches("p1", "p2"))
}

func TestRealOpenVSwitchPortWithoutADeviceCannotBeOpened(t *testing.T) {
	b := start(t)
	b.bridge("br0", 1)
	d := b.driver(nil)
	b.vsctl("--no-wait", "add-port", "br0", "gone") // there is no such device
	closed := netswitch.Port{Name: "gone", Shutdown: true}
	b.set(d, closed)
	assert.Equal(t, "-1", b.vsctl("get", "interface", "gone", "ofport"))

	_, err := netswitch.Set(t.Context(), d, []netswitch.Port{{Name: "p1", Native: 10}, {Name: "gone", Native: 10}})
	assert.Equal(t, fault.Failed, fault.KindOf(err), "%v", err)
	assert.ErrorContains(t, err, "gone")
	assert.ErrorContains(t, err, "the ports were put back")
	assert.Equal(t, "[]", b.vsctl("get", "port", "p1", "tag"), "p1 is what it was")
	have, err := d.Read(t.Context(), []string{"gone"})
	require.NoError(t, err)
	assert.Empty(t, netswitch.Diff(have["gone"], closed))
}
