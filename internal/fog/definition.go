package fog

import (
	"context"
	"fmt"
	"net/http"
	"regexp"

	"github.com/tidwall/gjson"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/rest"
	"stackstorm-laas/internal/retry"
)

// copied are the fields of a definition that a new one takes from the one that it is like (image.class.php). All else is about the
// content: it starts empty.
var copied = []string{"osID", "imageTypeID", "imagePartitionTypeID", "compress", "format"}

// imageName is what is a name, and a directory, everywhere. FOG's pages allow more; its API checks nothing.
var imageName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// CreateImage makes an empty image definition of this name, shaped like another image, with the name as its path, and reads it back.
// Input for a name that is none, Refused if an image has the name or the path already.
func (c *Client) CreateImage(ctx context.Context, name string, like Image) (Image, error) {
	what := fmt.Sprintf("create image %s", name)
	if err := c.NameFree(ctx, name); err != nil {
		return Image{}, err
	}
	_, shape, err := c.imageByID(ctx, like.ID, what)
	if err != nil {
		return Image{}, err
	}
	body := map[string]any{"name": name, "path": name, "isEnabled": 1, "toReplicate": 1, "description": "made by laas, like " + like.Name}
	for _, key := range copied {
		if n, ok := number(shape.Get(key)); ok {
			body[key] = n
		}
	}
	d := defining{c: c, body: body}
	id, err := retry.Do(ctx, c.retry, func() (int, error) { return d.try(ctx) })
	if err != nil {
		return Image{}, c.wrap(err, what)
	}
	now, made, err := c.imageByID(ctx, id, what)
	switch {
	case err != nil:
		return Image{}, fault.Wrap(err, "it was accepted, but cannot be read back")
	case d.found && (made.Get("description").String() != body["description"] || !now.Captured.IsZero()):
		return Image{}, c.wrap(fault.New(fault.Refused, "somebody else made image %d of that name at the same time", id).WithHint("choose another name"), what)
	case now.Name != name || now.Path != name:
		return Image{}, c.wrap(fault.New(fault.Unproven, "image %d was made, but its name or path is not the one that was asked for", id), what)
	}
	return now, nil
}

// NameFree says that an image of this name can be made: no image has it, nor keeps its files where the new one would. Input for a name that is none,
// Refused for one that is taken.
func (c *Client) NameFree(ctx context.Context, name string) error {
	what := fmt.Sprintf("create image %s", name)
	if !imageName.MatchString(name) {
		return fault.New(fault.Input, "%s: the name becomes a directory", what).
			WithHint("letters, digits, dots, underscores and hyphens, 63 at most, a letter or digit first")
	}
	images, err := c.Images(ctx)
	if err != nil {
		return fault.Wrap(err, "%s", what)
	}
	for _, i := range images {
		if i.Name == name || i.Path == name {
			return c.wrap(fault.New(fault.Refused, "image %d has that name or path", i.ID).WithHint("choose another name, or delete that image"), what)
		}
	}
	return nil
}

// defining is what is known between two tries: found says that the image is in FOG's list although FOG did not say that it made it.
type defining struct {
	c     *Client
	body  map[string]any
	found bool
}

// try sends the definition once, and gives its id. FOG answers with the object. If it did not, or refuses a name that was free a moment
// ago, the list tells whether an earlier try made it.
func (d *defining) try(ctx context.Context) (int, error) {
	v, err := d.c.once(ctx, http.MethodPost, "image/create", d.body)
	if err == nil {
		if img, ok := decodeImage(v); ok && img.Name == d.body["name"] {
			return img.ID, nil
		}
		err = unreadable("the answer is not the image that was sent")
	}
	if !fault.Is(err, fault.Transient) && !fault.Is(err, fault.Failed) || ctx.Err() != nil {
		return 0, err
	}
	images, listErr := d.c.names(ctx, "images", query{path: "image"})
	if listErr != nil {
		return 0, err
	}
	for _, i := range images {
		if i.name == d.body["name"] {
			d.found = true
			return i.id, nil
		}
	}
	return 0, err
}

// DeleteImage removes an image definition, and proves that it is gone; one that is not there is fine. Refused if it is protected: FOG's
// API deletes those too. FOG takes the image from every host that it is assigned to. The files stay on the storage node (route.class.php
// destroys the record only), so that a name that is used again finds them there.
func (c *Client) DeleteImage(ctx context.Context, id int) error {
	what := fmt.Sprintf("delete image %d", id)
	switch img, _, err := c.imageByID(ctx, id, what); {
	case fault.Is(err, fault.NotFound):
		return nil
	case err != nil:
		return err
	case img.Protected:
		return c.wrap(fault.New(fault.Refused, "image %s is protected", img.Name).WithHint("take the protection away in FOG first, if nobody needs the image"), what)
	}
	_, failed := retry.Do(ctx, c.retry, func() (gjson.Result, error) {
		_, err := c.once(ctx, http.MethodDelete, path("image/%d/delete", id), nil)
		return gjson.Result{}, err
	})
	if fault.Is(failed, fault.Credentials) {
		return c.wrap(failed, what)
	}
	_, _, err := c.imageByID(ctx, id, what)
	switch {
	case fault.Is(err, fault.NotFound) && rest.StatusOf(err) == http.StatusNotFound:
		return nil
	case err != nil:
		return err
	case failed != nil:
		return c.wrap(failed, what)
	}
	return c.wrap(fault.New(fault.Unproven, "FOG accepted it, but the image is still there"), what)
}
