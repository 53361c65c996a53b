package actions

import (
	"sync"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/secret"
)

// refusedLogins are the logins that BMCs answered and refused to this action. BMCs lock an account after a few of them, for the lab's people too, so an action tries
// each once, however many of its steps need the BMC.
type refusedLogins struct {
	mu   sync.Mutex
	seen map[refusedLogin]error
}

type refusedLogin struct {
	endpoint, user string
	password       secret.String
}

// once opens a session, or gives the refusal of before.
func (r *refusedLogins) once(target bmc.Target, open func() (bmc.Driver, error)) (bmc.Driver, error) {
	login := refusedLogin{target.Endpoint(), target.User, target.Password}
	r.mu.Lock()
	err, refused := r.seen[login]
	r.mu.Unlock()
	if refused {
		return nil, err
	}
	d, err := open()
	if fault.Is(err, fault.Credentials) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.seen == nil {
			r.seen = map[refusedLogin]error{}
		}
		r.seen[login] = err
	}
	return d, err
}
