package lab

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"time"

	"golang.org/x/crypto/ssh"
)

// secrets are all credentials of one lab, made anew for each.
type secrets struct {
	dashboard, fogAPI, fogUser, domainJoin, ldap string
	switches, bmcs                               map[string]string
	sshPrivate, sshPublic                        string
	caPEM                                        []byte
	tls                                          *tls.Config
}

func makeSecrets(p *plan) (secrets, error) {
	s := secrets{
		dashboard: password(45), fogAPI: password(64), fogUser: password(64), domainJoin: password(16), ldap: password(20),
		switches: map[string]string{}, bmcs: map[string]string{},
	}
	for _, h := range p.hosts {
		s.bmcs[h.Name] = password(16)
		for _, n := range h.NICs {
			if s.switches[n.Switch] == "" {
				s.switches[n.Switch] = password(20)
			}
		}
	}
	if err := s.makeKey(); err != nil {
		return s, err
	}
	return s, s.makeCertificates()
}

// password is a random text.
func password(length int) string {
	text := ""
	for len(text) < length {
		text += rand.Text()
	}
	return text[:length]
}

// makeKey makes the key pair that the lab logs in to its hosts with.
func (s *secrets) makeKey() error {
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	block, err := ssh.MarshalPrivateKey(priv, "laas@lab")
	if err != nil {
		return err
	}
	key, err := ssh.NewPublicKey(pub)
	if err != nil {
		return err
	}
	s.sshPrivate = string(pem.EncodeToMemory(block))
	line := ssh.MarshalAuthorizedKey(key)
	s.sshPublic = string(line[:len(line)-1]) + " laas@lab"
	return nil
}

// makeCertificates makes a CA, and a certificate that it signed for everything on loopback.
func (s *secrets) makeCertificates() error {
	from, to := time.Now().Add(-time.Hour), time.Now().AddDate(1, 0, 0)
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Simulated lab"}, NotBefore: from, NotAfter: to,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "localhost"}, NotBefore: from, NotAfter: to,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	if err != nil {
		return err
	}
	s.caPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER})
	s.tls = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der, caDER}, PrivateKey: key}}}
	return nil
}
