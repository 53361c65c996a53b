package remote

import (
	"bytes"
	"errors"
	"net"
	"strings"

	"golang.org/x/crypto/ssh"

	"stackstorm-laas/internal/fault"
)

// pin holds a host to one key.
type pin struct {
	want ssh.PublicKey // nil accepts any
	seen string
}

var errKeyChanged = errors.New("the host key is not the known one")

func newPin(authorized string) (*pin, error) {
	if authorized == "" {
		return &pin{}, nil
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(authorized))
	if err != nil {
		return nil, fault.New(fault.Config, "the recorded host key cannot be read: %w", err)
	}
	return &pin{want: key}, nil
}

// algorithms makes the host present the pinned type of key; with others to choose from, a host with several keys
// would look as if its key had changed.
func (p *pin) algorithms() []string {
	switch {
	case p.want == nil:
		return nil
	case p.want.Type() == ssh.KeyAlgoRSA:
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{p.want.Type()}
}

func (p *pin) check(_ string, _ net.Addr, key ssh.PublicKey) error {
	p.seen = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
	if p.want != nil && !bytes.Equal(p.want.Marshal(), key.Marshal()) {
		return errKeyChanged
	}
	return nil
}

// classify gives the failure of a handshake its kind. What fails before the login was answered may be a host that is still
// starting, so it is Transient.
func (p *pin) classify(err error) error {
	var none *ssh.AlgorithmNegotiationError
	var known *fault.Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, errKeyChanged), errors.As(err, &none) && none.What == "host key" && p.want != nil:
		return fault.New(fault.Refused, "%w", errKeyChanged).
			WithHint("if the host was installed anew, forget its recorded key; if not, somebody else may be answering at its address")
	case errors.As(err, &none):
		return fault.New(fault.Failed, "%w", err)
	case p.seen != "" && strings.Contains(err.Error(), "unable to authenticate"):
		return fault.New(fault.Credentials, "the host does not accept the key").
			WithHint("check that the image has the lab's public key in the authorized_keys of this user")
	case fault.KindOf(err) == fault.Internal:
		return fault.New(fault.Transient, "%w", err)
	}
	return err
}
