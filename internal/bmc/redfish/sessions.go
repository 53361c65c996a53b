package redfish

import (
	"net/http"

	"stackstorm-laas/internal/fault"
)

// endSessions ends all sessions of a user. Whoever takes an account away has to: the specification leaves it open whether a session outlives the
// account, and the account's password (DSP0266).
func (d *driver) endSessions(name string) error {
	if name == "" {
		return nil
	}
	top, err := d.wire.get(root)
	if err != nil {
		return err
	}
	paths, err := d.list(top.Get(`Links.Sessions.\@odata\.id`).String())
	if err != nil {
		return err
	}
	for _, path := range paths {
		one, err := d.wire.get(path)
		if err == nil && one.Get("UserName").String() == name {
			_, err = d.wire.submit(http.MethodDelete, path, nil, "")
		}
		if err != nil && !fault.Is(err, fault.NotFound) { // it has ended meanwhile
			return err
		}
	}
	return nil
}
