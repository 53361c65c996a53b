package fog

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// Image is an image definition, and what is known of its content.
type Image struct {
	ID   int
	Name string
	// OS is what FOG calls its operating system; often only "Linux".
	OS string
	// Path is the directory of the image's files, relative to the storage node's image directory. Two images of one path overwrite each
	// other.
	Path string
	// Size is what the image takes on the server, in bytes; 0 if FOG does not know. FOG computes it some time after a capture, by a
	// service of its own that may be off, so it may be that of the content before.
	Size int64
	// DiskSize is what the image takes on a disk, in bytes; 0 if FOG does not know. FOG empties it when a host checks in to capture, and
	// the host fills it in.
	DiskSize int64
	// Partitions is how many partitions were captured, each into a file of its own; 0 if FOG does not know, and 1 also where it tells
	// the sum of their sizes only. FOG's API has nothing else of an image's files.
	Partitions int
	// Captured is when the last capture was moved into its place, by FOG's clock and in FOG's time zone, as Task.CheckIn; zero for never.
	Captured time.Time
	// OSID and TypeID are FOG's numbers of the operating system and of how partitions are handled.
	OSID, TypeID int
	// Protected images are neither captured into nor deleted by this package. FOG protects them on its pages only.
	Protected bool
}

// Image finds an image by its id or its exact name. NotFound tells near names in its hint.
func (c *Client) Image(ctx context.Context, ref string) (Image, error) {
	what := fmt.Sprintf("find image %s", ref)
	images, err := c.names(ctx, "images", query{path: "image"})
	if err != nil {
		return Image{}, c.wrap(err, what)
	}
	id, err := resolve(images, ref)
	if err != nil {
		return Image{}, c.wrap(err, what)
	}
	img, _, err := c.imageByID(ctx, id, what)
	return img, err
}

// imageByID reads an image, and gives FOG's own object too.
func (c *Client) imageByID(ctx context.Context, id int, what string) (Image, gjson.Result, error) {
	v, err := c.get(ctx, path("image/%d", id), what)
	if err != nil {
		return Image{}, v, err
	}
	img, ok := decodeImage(v)
	if !ok || img.ID != id {
		return Image{}, v, c.wrap(unreadable("the answer is not that image"), what)
	}
	return img, v, nil
}

// Images lists all images, one without a name too: it has a path that another must not have.
func (c *Client) Images(ctx context.Context) ([]Image, error) {
	const what = "list the images"
	v, err := c.get(ctx, "image", what)
	if err != nil {
		return nil, err
	}
	elements, err := list(v, "images")
	if err != nil {
		return nil, c.wrap(err, what)
	}
	images := make([]Image, 0, len(elements))
	for _, e := range elements {
		img, _ := decodeImage(e)
		if img.ID < 1 {
			return nil, c.wrap(unreadable("an entry of FOG's list of images has no id"), what)
		}
		images = append(images, img)
	}
	return images, nil
}

// decodeImage reads the fields that image.class.php of both versions gives the API. "size" is the list of the partitions' sizes with
// colons between, "srvsize" the size of the files, and "deployed" is when it was captured last, whatever its name.
func decodeImage(v gjson.Result) (Image, bool) {
	id, ok := number(v.Get("id"))
	img := Image{ID: id, Name: v.Get("name").String(), Path: v.Get("path").String(), Captured: stamp(v.Get("deployed"))}
	for _, key := range []string{"os.name", "osname", "osName"} {
		if img.OS = v.Get(key).String(); img.OS != "" {
			break
		}
	}
	img.Size, _ = bytes(v.Get("srvsize"))
	img.DiskSize, img.Partitions = bytes(v.Get("size"))
	img.OSID, _ = number(first(v, "osID", "os.id"))
	img.TypeID, _ = number(first(v, "imageTypeID", "imagetype.id"))
	protected, _ := number(v.Get("protected"))
	img.Protected = protected != 0 || v.Get("protected").Type == gjson.True
	return img, ok && id > 0 && img.Name != ""
}

// bytes adds up the numbers of a text as "1048576.000000:9437184.000000:", and counts those that are not 0; 0 if there is anything else in it.
func bytes(v gjson.Result) (sum int64, count int) {
	for part := range strings.SplitSeq(v.String(), ":") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		f, err := strconv.ParseFloat(part, 64)
		if err != nil || f < 0 || f > 1<<62 {
			return 0, 0
		}
		if sum += int64(f); f > 0 {
			count++
		}
	}
	return sum, count
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
