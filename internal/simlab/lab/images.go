package lab

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"stackstorm-laas/internal/simlab/world"
)

// firstNamed is the id of the first image that bookings know by name only.
const firstNamed = 1001

// noImages are texts that stand where an image should, and are none.
var noImages = []string{"", "-1", "0", "unknown", "defimage", "null"}

// knownImages are the images of the recorded bookings.
var knownImages = map[int]world.Image{
	23: {ID: 23, Name: "ubuntu-18.04", OS: "ubuntu", Version: "18.04"},
	25: {ID: 25, Name: "centos-7", OS: "centos", Version: "7"},
}

// addImage adds an image as a booking names it: a FOG id, as number or text, or a name.
func (p *plan) addImage(ref json.RawMessage) {
	text := strings.TrimSpace(strings.Trim(string(ref), `"`))
	if slices.Contains(noImages, text) {
		return
	}
	if _, known := p.imageID(text); known {
		p.claim(text, ref)
		return
	}
	id, err := strconv.Atoi(text)
	img, recorded := knownImages[id]
	switch {
	case err == nil && id < 1:
		return
	case err == nil && !recorded:
		img = world.Image{ID: id, Name: "ubuntu-" + text, OS: "ubuntu", Version: versions["ubuntu"]}
	case err != nil:
		img = world.Image{ID: firstNamed + len(p.images), Name: text, OS: family(text), Version: versionIn(text)}
	}
	p.images = append(p.images, image{Image: img, ref: ref})
}

// versions are what an image holds whose name does not say.
var versions = map[string]string{"ubuntu": "20.04", "debian": "11", "centos": "7", "suse": "15.2"}

// addFamily adds an image that the inventory names for a family of operating systems.
func (p *plan) addFamily(ref, os string) {
	if _, known := p.imageID(ref); known || slices.Contains(noImages, ref) {
		return
	}
	img := world.Image{Name: ref, OS: os, Version: versions[os]}
	if img.ID, _ = strconv.Atoi(ref); img.ID > 0 {
		img.Name = os + "-" + ref
	} else {
		img.ID = firstNamed + len(p.images)
	}
	p.images = append(p.images, image{Image: img})
}

// claim remembers how a booking names an image that was there already.
func (p *plan) claim(text string, ref json.RawMessage) {
	for i := range p.images {
		if p.images[i].called(text) && p.images[i].ref == nil {
			p.images[i].ref = ref
		}
	}
}

func (i image) called(text string) bool { return i.Name == text || strconv.Itoa(i.ID) == text }

// imageID finds an image by name or id.
func (p *plan) imageID(text string) (int, bool) {
	for _, i := range p.images {
		if i.called(text) {
			return i.ID, true
		}
	}
	return 0, false
}

// familyImage gives the id of the first image of a family as text; empty if there is none.
func (p *plan) familyImage(os string) string {
	for _, i := range p.images {
		if i.OS == os {
			return strconv.Itoa(i.ID)
		}
	}
	return ""
}

func family(name string) string {
	name = strings.ToLower(name)
	for _, f := range []struct{ part, os string }{{"debian", "debian"}, {"centos", "centos"}, {"rocky", "centos"}, {"alma", "centos"}, {"rhel", "centos"}, {"fedora", "centos"}, {"suse", "suse"}, {"sles", "suse"}, {"leap", "suse"}} {
		if strings.Contains(name, f.part) {
			return f.os
		}
	}
	return "ubuntu"
}

var versionPattern = regexp.MustCompile(`[0-9]+(\.[0-9]+)*`)

// versionIn reads the version out of an image's name: 2004 is 20.04, 7 is 7.
func versionIn(name string) string {
	v := versionPattern.FindString(name)
	if v == "" {
		return versions[family(name)]
	}
	if len(v) == 4 && !strings.Contains(v, ".") {
		return v[:2] + "." + v[2:]
	}
	return v
}
