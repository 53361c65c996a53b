package actions

import (
	"context"
	"regexp"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/fault"
)

var reserver = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9@._-]{0,63}$`)

// possible refuses what cannot be done whoever has the host.
func (t *taking) possible(ctx context.Context) error {
	image, by := t.Params.String("image"), t.Params.String("by")
	var problems []fault.Problem
	add := func(path, text string) { problems = append(problems, fault.Problem{Path: path, Text: text}) }
	if t.purpose == booking.ForReserve && !reserver.MatchString(by) {
		add("by", "is needed: whom the host is reserved for (letters, digits, @ . _ -, at most 64)")
	}
	if t.host.BMC == nil {
		add("host", "has no BMC in the inventory")
	}
	if t.purpose != booking.ForReserve && t.purpose != booking.ForFree && t.host.FOGName == "" {
		add("host", "has no fog_name in the inventory")
	}
	if t.purpose == booking.ForUpdate && image == "" {
		add("image", "is needed: which image is to be updated")
	}
	if t.captures() && t.Params.String("name") == "" {
		add("name", "is needed: what the new image is to be called")
	}
	if err := fault.FromProblems(fault.Input, "take "+t.host.Name, problems); err != nil || image == "" && !t.captures() {
		return err
	}
	return t.possibleAtFOG(ctx, image)
}

// possibleAtFOG refuses an image that is not there and a name that is taken.
func (t *taking) possibleAtFOG(ctx context.Context, image string) error {
	f, err := t.fog()
	if err != nil {
		return err
	}
	if image != "" && t.purpose != booking.ForCapture {
		if _, err = f.Image(ctx, imageFor(t.host, image)); err != nil {
			return err
		}
	}
	if !t.captures() {
		return nil
	}
	return f.NameFree(ctx, t.Params.String("name"))
}

// captures says whether a new image comes of it.
func (t *taking) captures() bool {
	return t.purpose == booking.ForCapture || t.purpose == booking.ForUpdate
}

// untouched says whether the disk is the lab's alone after it, if it was before.
func (t *taking) untouched() bool { return t.purpose == booking.ForImage || t.captures() }
