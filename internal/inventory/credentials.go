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

// BMCCredentials reads the administrator's login to the BMC of a host.
func BMCCredentials(ctx context.Context, keys Keys, h *Host) (user string, password secret.String, err error) {
	if h.BMC == nil {
		return "", secret.String{}, fault.New(fault.Config, "the inventory entry of %s has no BMC", h.Name).
			WithHint(`add "bmc": {"address": ..., "credentials": ...} to it in datastore/hosts.json, then run: st2 key load datastore/hosts.json`)
	}
	return login(ctx, keys, h.BMC.Credentials, "the BMC of "+h.Name)
}

// login reads {"user","password"} from an encrypted key. A key in clear is refused: everybody who can read the datastore
// would have the login.
func login(ctx context.Context, keys Keys, key, to string) (string, secret.String, error) {
	none := secret.String{}
	v, encrypted, found, err := keys.GetAny(ctx, key)
	if err != nil {
		return "", none, fault.Wrap(err, "reading the login to %s from the datastore key %s", to, key)
	}
	refuse := func(what string) error {
		return fault.New(fault.Config, "the login to %s: the datastore key %q %s", to, key, what).
			WithHint(`store it encrypted: st2 key set %s '{"user": "...", "password": "..."}' --encrypt`, key)
	}
	switch {
	case !found:
		return "", none, refuse("does not exist")
	case !encrypted:
		return "", none, refuse("is stored in clear")
	}
	var l struct {
		User     string        `json:"user"`
		Password secret.String `json:"password"`
	}
	if json.Unmarshal([]byte(v.Reveal()), &l) != nil || l.User == "" || l.Password.IsZero() {
		return "", none, refuse(`does not hold {"user": "...", "password": "..."}`)
	}
	return l.User, l.Password, nil
}
