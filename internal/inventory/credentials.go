package inventory

import (
	"context"
	"encoding/json"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/secret"
)

// SwitchCredentials reads the login to a switch from the encrypted key that its entry names, or else from its own key
// switch_<name>, which then must be encrypted.
func SwitchCredentials(ctx context.Context, keys Keys, s *Switch) (user string, password secret.String, err error) {
	key := s.Credentials
	if key == "" {
		key = switchPrefix + s.Name
	}
	return login(ctx, keys, key, "switch "+s.Name)
}

// SwitchCertificate reads the certificate that the pack shows to a switch, and its key, both PEM, from the encrypted key that the switch's
// entry names. Without a name there are none.
func SwitchCertificate(ctx context.Context, keys Keys, s *Switch) (certificate string, key secret.String, err error) {
	if s.Credentials == "" {
		return "", secret.String{}, nil
	}
	var c struct {
		Certificate string        `json:"certificate"`
		PrivateKey  secret.String `json:"private_key"`
	}
	err = confidential(ctx, keys, s.Credentials, "switch "+s.Name, `{"certificate": "...", "private_key": "..."}`, func(text []byte) bool {
		return json.Unmarshal(text, &c) == nil && c.Certificate != "" && !c.PrivateKey.IsZero()
	})
	if err != nil {
		return "", secret.String{}, err
	}
	return c.Certificate, c.PrivateKey, nil
}

// BMCCredentials reads the administrator's login to the BMC of a host.
func BMCCredentials(ctx context.Context, keys Keys, h *Host) (user string, password secret.String, err error) {
	if h.BMC == nil {
		return "", secret.String{}, fault.New(fault.Config, "the inventory entry of %s has no BMC", h.Name).
			WithHint(`add "bmc": {"address": ..., "credentials": ...} to it in datastore/hosts.json, then run: st2 key load datastore/hosts.json`)
	}
	return login(ctx, keys, h.BMC.Credentials, "the BMC of "+h.Name)
}

// login reads {"user","password"} from an encrypted key.
func login(ctx context.Context, keys Keys, key, to string) (string, secret.String, error) {
	var l struct {
		User     string        `json:"user"`
		Password secret.String `json:"password"`
	}
	err := confidential(ctx, keys, key, to, `{"user": "...", "password": "..."}`, func(text []byte) bool {
		return json.Unmarshal(text, &l) == nil && l.User != "" && !l.Password.IsZero()
	})
	if err != nil {
		return "", secret.String{}, err
	}
	return l.User, l.Password, nil
}

// confidential reads a key that must be encrypted: with one in clear everybody who can read the datastore would have the login. parse
// says whether the text has the shape.
func confidential(ctx context.Context, keys Keys, key, to, shape string, parse func(text []byte) bool) error {
	v, encrypted, found, err := keys.GetAny(ctx, key)
	if err != nil {
		return fault.Wrap(err, "reading the login to %s from the datastore key %s", to, key)
	}
	refuse := func(what string) error {
		return fault.New(fault.Config, "the login to %s: the datastore key %q %s", to, key, what).
			WithHint(`store it encrypted: st2 key set %s '%s' --encrypt`, key, shape)
	}
	switch {
	case !found:
		return refuse("does not exist")
	case !encrypted:
		return refuse("is stored in clear")
	case !parse([]byte(v.Reveal())):
		return refuse("does not hold " + shape)
	}
	return nil
}
