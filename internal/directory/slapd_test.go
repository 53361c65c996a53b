package directory_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/directory"
	"stackstorm-laas/internal/secret"
	"stackstorm-laas/internal/testreal"
)

const slapdConf = `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile %[1]s/pid
argsfile %[1]s/args
TLSCertificateFile %[1]s/cert.pem
TLSCertificateKeyFile %[1]s/key.pem
database mdb
suffix "dc=lab,dc=example"
rootdn "cn=laas,dc=lab,dc=example"
rootpw lab-secret
directory %[1]s/db
maxsize 16777216
access to attrs=userPassword by anonymous auth by * none
access to * by * read
`

const tree = `dn: dc=lab,dc=example
objectClass: dcObject
objectClass: organization
dc: lab
o: lab

dn: ou=people,dc=lab,dc=example
objectClass: organizationalUnit
ou: people
`

// slapd is a private server.
type slapd struct {
	port, tlsPort int
	roots         *x509.CertPool
	stop          func()
}

// startSlapd starts a server with an empty branch for accounts, StartTLS and LDAPS.
func startSlapd(t *testing.T) *slapd {
	t.Helper()
	tools := testreal.Need(t, "slapd", "slapadd")
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	s := &slapd{port: freeTCP(t), tlsPort: freeTCP(t)}
	cert, key, roots := newCertificate(t)
	s.roots = roots
	write("cert.pem", cert)
	write("key.pem", key)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "db"), 0o700))
	conf := write("slapd.conf", fmt.Sprintf(slapdConf, dir))
	out, err := exec.Command(tools[1], "-f", conf, "-l", write("tree.ldif", tree)).CombinedOutput()
	require.NoError(t, err, "%s", out)

	cmd := exec.Command(tools[0], "-f", conf, "-d", "0",
		"-h", fmt.Sprintf("ldap://127.0.0.1:%d/ ldaps://127.0.0.1:%d/", s.port, s.tlsPort))
	require.NoError(t, cmd.Start())
	s.stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	t.Cleanup(s.stop)
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.tlsPort))
		if err == nil {
			c.Close()
		}
		return err == nil
	}, time.Minute, 10*time.Millisecond, "slapd does not listen")
	return s
}

func (s *slapd) config() directory.Config {
	return directory.Config{
		Server: fmt.Sprintf("127.0.0.1:%d", s.port), Security: "starttls",
		BindDN: "cn=laas,dc=lab,dc=example", Password: secret.New("lab-secret"),
		Base: "dc=lab,dc=example", Branch: "ou=people",
		Timeout: 5 * time.Second, TLS: &tls.Config{RootCAs: s.roots},
	}
}

// newCertificate makes a certificate for 127.0.0.1 that is its own CA.
func newCertificate(t *testing.T) (cert, key string, roots *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	cert = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	roots = x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM([]byte(cert)))
	return cert, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})), roots
}

func freeTCP(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
