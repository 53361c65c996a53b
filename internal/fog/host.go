package fog

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/rest"
	"stackstorm-laas/internal/retry"
)

// Host is a host as FOG knows it.
type Host struct {
	ID   int
	Name string
	// ImageID is the image that a deployment will write; 0 for none.
	ImageID int
	// MACs are lower case, the primary one first.
	MACs []string
}

// Host finds a host by its exact name. NotFound, with near names in its hint, if there is none; two hosts of one name are Failed.
func (c *Client) Host(ctx context.Context, name string) (Host, error) {
	what := fmt.Sprintf("find host %s", name)
	id, err := c.hostID(ctx, name)
	if err != nil {
		return Host{}, c.wrap(err, what)
	}
	h, err := c.hostByID(ctx, id)
	if err == nil && h.Name != name {
		err = c.wrap(fault.New(fault.Failed, "host %d is called otherwise than it was when it was looked for", id), what)
	}
	return h, err
}

// hostID asks for the hosts of this name alone: in a list of all, FOG 1.5 has the password of the domain join in every entry. 1.6 takes the
// name from the path. 1.5 has no such route, says so, and takes it from a body, which the first betas of 1.6 do not look at (route.class.php:
// listem, _buildSql, getsearchbody). FOG's database compares regardless of case, so names are compared here once more.
//
// Only when no host has the name are all names read, to tell near ones: that is "names", which has nothing else, where FOG has it.
func (c *Client) hostID(ctx context.Context, name string) (int, error) {
	found, err := c.names(ctx, "hosts", query{path: "host/list/name=" + url.PathEscape(name)}, query{path: "host", body: map[string]string{"name": name}})
	if err != nil {
		return 0, err
	}
	if !slices.ContainsFunc(found, func(e named) bool { return e.name == name }) {
		if found, err = c.names(ctx, "hosts", query{path: "host/names", bare: true}, query{path: "host"}); err != nil {
			return 0, fault.Wrap(err, "no host of that name was found, and FOG's others could not be listed")
		}
	}
	return pick(found, name, "host")
}

// HostsOf lists the names of the hosts that an image is assigned to.
func (c *Client) HostsOf(ctx context.Context, imageID int) ([]string, error) {
	what := fmt.Sprintf("list the hosts of image %d", imageID)
	hosts, err := c.ask(ctx, "hosts", query{path: path("host/list/imageID=%d", imageID)}, query{path: "host", body: map[string]int{"imageID": imageID}})
	if err != nil {
		return nil, c.wrap(err, what)
	}
	var names []string
	for _, h := range hosts {
		switch id, ok := number(h.Get("imageID")); {
		case !ok:
			return nil, c.wrap(unreadable("an entry of FOG's list of hosts has no image"), what)
		case id == imageID && h.Get("name").String() != "":
			names = append(names, h.Get("name").String())
		}
	}
	return names, nil
}

func (c *Client) hostByID(ctx context.Context, id int) (Host, error) {
	what := fmt.Sprintf("read host %d", id)
	v, err := c.get(ctx, path("host/%d", id), what)
	if err != nil {
		return Host{}, err
	}
	h, ok := decodeHost(v)
	if !ok || h.ID != id {
		return Host{}, c.wrap(notThatHost(), what)
	}
	return h, nil
}

func notThatHost() error { return unreadable("the answer is not that host") }

func decodeHost(v gjson.Result) (Host, bool) {
	id, ok := number(v.Get("id"))
	h := Host{ID: id, Name: v.Get("name").String()}
	h.ImageID, _ = number(v.Get("imageID"))
	add := func(mac string) {
		if mac = strings.ToLower(strings.TrimSpace(mac)); mac != "" && !slices.Contains(h.MACs, mac) {
			h.MACs = append(h.MACs, mac)
		}
	}
	for _, m := range append([]gjson.Result{v.Get("primac")}, v.Get("macs").Array()...) {
		if m.IsObject() {
			m = m.Get("mac")
		}
		add(m.String())
	}
	return h, ok && id > 0 && h.Name != ""
}

// AssignImage sets the image that a deployment will write to the host, and reads it back. It sends only that and the name, which FOG
// compares even when it is not sent: sending the whole object back would undo what others changed meanwhile. FOG compares with its own name
// in lower case (Route::edit), so one that is not would be taken for another's, and is left out.
func (c *Client) AssignImage(ctx context.Context, h Host, imageID int) error {
	what := fmt.Sprintf("assign image %d to host %s", imageID, h.Name)
	if imageID < 1 {
		return fault.New(fault.Input, "%s: there is no such image", what)
	}
	body := map[string]any{"imageID": imageID}
	if h.Name == strings.ToLower(h.Name) {
		body["name"] = h.Name
	}
	_, err := retry.Do(ctx, c.retry, func() (gjson.Result, error) {
		return c.once(ctx, http.MethodPut, path("host/%d/edit", h.ID), body)
	})
	if err != nil {
		return c.wrap(err, what)
	}
	now, err := c.hostByID(ctx, h.ID)
	if err != nil {
		return fault.Wrap(err, "%s: it was accepted, but cannot be read back", what)
	}
	if now.ImageID != imageID {
		return c.wrap(fault.New(fault.Unproven, "it was accepted, but the host reads image %d", now.ImageID), what)
	}
	return nil
}

// named is an entry of one of FOG's lists.
type named struct {
	id   int
	name string
}

// query is a way to ask for a list. body is what it is filtered by, nil for nothing. bare says that the answer is the list itself.
type query struct {
	path string
	body any
	bare bool
}

// ask reads a list, in the first way that this FOG has a route for.
func (c *Client) ask(ctx context.Context, plural string, ways ...query) ([]gjson.Result, error) {
	var v gjson.Result
	var err error
	var q query
	for _, q = range ways {
		v, err = retry.Do(ctx, c.retry, func() (gjson.Result, error) { return c.once(ctx, http.MethodGet, q.path, q.body) })
		if rest.StatusOf(err) != http.StatusNotImplemented {
			break
		}
	}
	switch {
	case err != nil:
		return nil, err
	case q.bare && v.IsArray():
		return v.Array(), nil
	}
	return list(v, plural)
}

// names reads what is in a list. An entry without a name is nobody's who is looked for by name.
func (c *Client) names(ctx context.Context, plural string, ways ...query) ([]named, error) {
	elements, err := c.ask(ctx, plural, ways...)
	if err != nil {
		return nil, err
	}
	out := make([]named, 0, len(elements))
	for _, e := range elements {
		id, ok := number(e.Get("id"))
		if !ok || id < 1 {
			return nil, unreadable("an entry of FOG's list of %s has no id", plural)
		}
		if name := e.Get("name").String(); name != "" {
			out = append(out, named{id, name})
		}
	}
	return out, nil
}

// pick finds the one entry of exactly this name.
func pick(entries []named, name, what string) (int, error) {
	var ids []int
	for _, e := range entries {
		if e.name == name {
			ids = append(ids, e.id)
		}
	}
	switch len(ids) {
	case 1:
		return ids[0], nil
	case 0:
		return 0, fault.New(fault.NotFound, "FOG has no %s of that name", what).WithHint("%s", near(entries, name))
	}
	return 0, fault.New(fault.Failed, "FOG has %d entries of that name (ids %v)", len(ids), ids).
		WithHint("rename all but one of them in FOG")
}

// near says which names are meant perhaps.
func near(entries []named, name string) string {
	var close []string
	for _, e := range entries {
		if similar(e.name, name) {
			close = append(close, e.name)
		}
	}
	slices.Sort(close)
	switch close = slices.Compact(close); {
	case len(close) == 0:
		return "names are exact; none of FOG's looks like it"
	case len(close) > 5:
		close = close[:5]
	}
	return "names are exact; FOG has: " + strings.Join(close, ", ")
}

// similar compares letters and digits only, whatever their case: equal, one inside the other, or two edits apart.
func similar(a, b string) bool {
	a, b = essence(a), essence(b)
	if a == "" || b == "" {
		return false
	}
	return strings.Contains(a, b) || strings.Contains(b, a) || edits(a, b) <= min(2, len(b)/3)
}

func essence(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, strings.ToLower(s))
}

// edits is the Levenshtein distance.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
