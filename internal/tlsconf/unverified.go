package tlsconf

import "crypto/tls"

// Unverified trusts whatever certificate a server shows, and so whoever it is. It is for one setting that an operator has to write himself,
// and the only place of its kind in the pack.
func Unverified() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true}
}
