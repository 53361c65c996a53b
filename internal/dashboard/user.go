package dashboard

import (
	"context"
	"fmt"

	"stackstorm-laas/internal/fault"
)

// User is a user of the dashboard.
type User struct {
	ID                                   int
	Username, Email, FirstName, LastName string
}

// User reads a user by the number that access tasks name. NotFound means that the dashboard does not know the user, is too old to
// tell (before 2020), or counts otherwise (for some months of 2020 it took the number for that of another table).
func (c *Client) User(ctx context.Context, id int) (User, error) {
	what := fmt.Sprintf("read user %d", id)
	v, err := c.do(ctx, call{path: fmt.Sprintf("users/%d", id), what: what, missing: c.answers})
	if err != nil {
		return User{}, err
	}
	got, ok := integer(v.Get("id"))
	name := v.Get("username").String()
	switch {
	case !ok || name == "":
		err = fault.New(fault.Failed, "the answer is not a user")
	case got != id:
		err = fault.New(fault.NotFound, "the dashboard shows another user under that number")
	}
	if err != nil {
		return User{}, c.wrap(err, what)
	}
	return User{
		ID: got, Username: name, Email: v.Get("email").String(),
		FirstName: v.Get("first_name").String(), LastName: v.Get("last_name").String(),
	}, nil
}
