package fog

import (
	"context"
	"fmt"
	"strconv"

	"stackstorm-laas/internal/fault"
)

// Image is a disk image.
type Image struct {
	ID   int
	Name string
	// OS is what FOG calls its operating system; often only "Linux".
	OS string
}

// Image finds an image by its id or its exact name. NotFound tells near names in its hint.
func (c *Client) Image(ctx context.Context, ref string) (Image, error) {
	what := fmt.Sprintf("find image %s", ref)
	images, err := c.names(ctx, "image", "images", what)
	if err != nil {
		return Image{}, err
	}
	id, err := resolve(images, ref)
	if err != nil {
		return Image{}, c.wrap(err, what)
	}
	v, err := c.get(ctx, path("image/%d", id), what)
	if err != nil {
		return Image{}, err
	}
	img := Image{Name: v.Get("name").String()}
	var ok bool
	if img.ID, ok = number(v.Get("id")); !ok || img.ID != id || img.Name == "" {
		return Image{}, c.wrap(fault.New(fault.Failed, "the answer is not that image"), what)
	}
	for _, key := range []string{"os.name", "osname", "osName"} {
		if img.OS = v.Get(key).String(); img.OS != "" {
			break
		}
	}
	return img, nil
}

// resolve takes digits for an id first: that is what the dashboard's numbers are.
func resolve(images []named, ref string) (int, error) {
	if n, err := strconv.Atoi(ref); err == nil {
		for _, e := range images {
			if e.id == n {
				return n, nil
			}
		}
	}
	return pick(images, ref, "image")
}
