package fog_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/fog"
	"stackstorm-laas/internal/retry"
)

// full is a host as FOG shows it alone: with everything that must not get out.
const full = `{"id":"7","name":"hpe13","imageID":"23","ADPass":"` + password + `","productKey":"K",
	"primac":"48:DF:37:1D:13:00","macs":["48:df:37:1d:13:00","48:df:37:1d:13:01"],"image":{"id":23,"name":"ubuntu"}}`

// How a host is looked for by its name, in 1.6 and in 1.5, and all the names that there are.
const (
	inPath   = "GET host/list/name=hpe13"
	inBody   = `GET host {"name":"hpe13"}`
	allNames = "GET host/names"
	all      = "GET host"
)

// noRoute is what FOG says to a call that its version does not know.
var noRoute = reply{501, ""}

func TestHost(t *testing.T) {
	want := fog.Host{ID: 7, Name: "hpe13", ImageID: 23, MACs: []string{"48:df:37:1d:13:00", "48:df:37:1d:13:01"}}
	for name, tc := range map[string]struct {
		in15, in16 any // the answer of a FOG of that version
		one        string
		want       fog.Host
	}{
		"1.5, a list":                      {`{"count":1,"hosts":[{"id":7,"name":"hpe13"}]}`, nil, full, want},
		"1.5, numbers as text":             {`{"count":"1","hosts":[{"id":"7","name":"hpe13"}]}`, nil, full, want},
		"1.5, a list with gaps":            {`{"count":2,"hosts":{"0":{"id":6,"name":"HPE13"},"2":{"id":7,"name":"hpe13"}}}`, nil, full, want},
		"1.6, a table":                     {nil, `{"_lang":"host","recordsTotal":9,"recordsFiltered":"1","data":[{"id":7,"name":"hpe13"}]}`, full, want},
		"1.6, in another case too":         {nil, `{"recordsFiltered":2,"data":[{"id":6,"name":"HPE13"},{"id":7,"name":"hpe13"}]}`, full, want},
		"a beta that shows all":            {`{"recordsFiltered":2,"data":[{"id":6,"name":"hpe12"},{"id":7,"name":"hpe13"}]}`, nil, full, want},
		"beside one without a name":        {`{"count":2,"hosts":[{"id":6,"name":""},{"id":7,"name":"hpe13"}]}`, nil, full, want},
		"MACs as objects, no image at all": {`{"count":1,"hosts":[{"id":7,"name":"hpe13"}]}`, nil, `{"id":7,"name":"hpe13","imageID":null,"macs":[{"mac":"48:DF:37:1D:13:00"}]}`, fog.Host{ID: 7, Name: "hpe13", MACs: []string{"48:df:37:1d:13:00"}}},
	} {
		t.Run(name, func(t *testing.T) {
			answers := map[string][]any{inPath: {noRoute}, "GET host/7": {tc.one}}
			asked := []string{inPath, inBody, "GET host/7"}
			if tc.in15 != nil {
				answers[inBody] = []any{tc.in15}
			} else {
				answers[inPath] = []any{tc.in16}
				asked = []string{inPath, "GET host/7"}
			}
			s := serve(t, answers)
			got, err := s.client(t, retry.Policy{}).Host(t.Context(), "hpe13")
			require.NoError(t, err)
			assert.Equal(t, tc.want, got)
			assert.Equal(t, asked, s.seen, "the farm is not listed")
		})
	}
}

func TestAHostThatIsNotFound(t *testing.T) {
	const none = `{"count":0,"hosts":[]}`
	for name, tc := range map[string]struct {
		found, all, text, hint string
		kind                   fault.Kind
	}{
		"near names are told":         {`{"count":1,"hosts":[{"id":1,"name":"HPE13"}]}`, `{"count":3,"hosts":[{"id":1,"name":"HPE13"},{"id":2,"name":"hpe-13"},{"id":3,"name":"dell99"}]}`, "no host of that name", "FOG has: HPE13, hpe-13", fault.NotFound},
		"part of a name is no name":   {none, `{"count":1,"hosts":[{"id":1,"name":"hpe13.lab"}]}`, "no host of that name", "FOG has: hpe13.lab", fault.NotFound},
		"nothing is near":             {none, `{"count":1,"hosts":[{"id":1,"name":"dell99"}]}`, "no host of that name", "none of FOG's looks like it", fault.NotFound},
		"one without a name":          {none, `{"count":2,"hosts":[{"id":1,"name":null},{"id":2,"name":"hpe12"}]}`, "no host of that name", "FOG has: hpe12", fault.NotFound},
		"FOG is empty":                {`{"count":0,"hosts":null}`, `{"count":0,"hosts":null}`, "no host of that name", "none of FOG's", fault.NotFound},
		"two of one name":             {`{"count":2,"hosts":[{"id":1,"name":"hpe13"},{"id":7,"name":"hpe13"}]}`, "", "[1 7]", "rename", fault.Failed},
		"a host that is another":      {`{"count":1,"hosts":[{"id":8,"name":"hpe13"}]}`, "", "otherwise", "", fault.Failed},
		"a host that is gone by then": {`{"count":1,"hosts":[{"id":9,"name":"hpe13"}]}`, "", "read host 9", "", fault.NotFound},
		"names that nobody can read":  {none, `{"count":4,"hosts":[]}`, "no host of that name was found, and FOG's others could not be listed", "", fault.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, map[string][]any{inPath: {noRoute}, inBody: {tc.found}, allNames: {noRoute}, all: {tc.all}, "GET host/7": {full}, "GET host/8": {`{"id":8,"name":"renamed"}`}})
			_, err := s.client(t, retry.Policy{}).Host(t.Context(), "hpe13")
			silent(t, err)
			assert.Equal(t, tc.kind, fault.KindOf(err))
			assert.Contains(t, err.Error(), tc.text)
			assert.Contains(t, fault.HintOf(err), tc.hint)
		})
	}
	s := serve(t, map[string][]any{inPath: {`{"recordsFiltered":0,"data":[]}`}, allNames: {`[{"id":"1","name":"HPE13"},{"id":"2","name":""}]`}})
	_, err := s.client(t, retry.Policy{}).Host(t.Context(), "hpe13")
	assert.Equal(t, fault.NotFound, fault.KindOf(err))
	assert.Contains(t, fault.HintOf(err), "FOG has: HPE13")
	assert.Equal(t, []string{inPath, allNames}, s.seen, "the list of names is enough")
}

func TestHostsOfAnImage(t *testing.T) {
	const path, body = "GET host/list/imageID=23", `GET host {"imageID":23}`
	for name, tc := range map[string]struct {
		answers map[string][]any
		want    []string
		kind    fault.Kind
	}{
		"1.6":                         {map[string][]any{path: {`{"recordsFiltered":2,"data":[{"id":"7","name":"hpe13","imageID":"23"},{"id":8,"name":"hpe14","imageID":23}]}`}}, []string{"hpe13", "hpe14"}, ""},
		"1.5":                         {map[string][]any{path: {noRoute}, body: {`{"count":1,"hosts":[` + full + `]}`}}, []string{"hpe13"}, ""},
		"a beta that shows all":       {map[string][]any{path: {noRoute}, body: {`{"data":[{"id":7,"name":"hpe13","imageID":23},{"id":8,"name":"hpe14","imageID":"25"}]}`}}, []string{"hpe13"}, ""},
		"none":                        {map[string][]any{path: {`{"recordsFiltered":0,"data":[]}`}}, nil, ""},
		"one whose image is left out": {map[string][]any{path: {`{"recordsFiltered":1,"data":[{"id":7,"name":"hpe13"}]}`}}, nil, fault.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := serve(t, tc.answers).client(t, retry.Policy{}).HostsOf(t.Context(), 23)
			assert.Equal(t, tc.want, got)
			assert.Equal(t, tc.kind == "", err == nil, err)
			if err != nil {
				assert.Equal(t, tc.kind, fault.KindOf(err))
			}
		})
	}
}

func TestANameIsOnePartOfThePath(t *testing.T) {
	s := serve(t, nil)
	_, _ = s.client(t, retry.Policy{}).Host(t.Context(), "a b/../7?x=1#y%")
	assert.Equal(t, []string{"GET host/list/name=a b/../7?x=1#y%"}, s.seen)
}

func TestImage(t *testing.T) {
	const images = `{"count":3,"images":[{"id":"23","name":"ubuntu2004-x86_64"},{"id":25,"name":"centos8-x86_64"},{"id":30,"name":"2004"}]}`
	answers := func() map[string][]any {
		return map[string][]any{
			"GET image":    {images},
			"GET image/23": {`{"id":"23","name":"ubuntu2004-x86_64","osID":"50","os":{"id":"50","name":"Linux"}}`},
			"GET image/25": {`{"id":25,"name":"centos8-x86_64","osname":"Linux"}`},
			"GET image/30": {`{"id":30,"name":"2004"}`},
		}
	}
	for name, tc := range map[string]struct {
		ref  string
		want fog.Image
		kind fault.Kind
		hint string
	}{
		"by id":                         {"23", fog.Image{ID: 23, Name: "ubuntu2004-x86_64", OS: "Linux", OSID: 50}, "", ""},
		"by name":                       {"centos8-x86_64", fog.Image{ID: 25, Name: "centos8-x86_64", OS: "Linux"}, "", ""},
		"by a name of digits":           {"2004", fog.Image{ID: 30, Name: "2004"}, "", ""},
		"a name that differs in case":   {"Ubuntu2004-x86_64", fog.Image{}, fault.NotFound, "ubuntu2004-x86_64"},
		"a name with a slip":            {"centos7-x86_64", fog.Image{}, fault.NotFound, "centos8-x86_64"},
		"an id that is not there":       {"-1", fog.Image{}, fault.NotFound, ""},
		"an image that nothing is like": {"windows", fog.Image{}, fault.NotFound, "none of FOG's"},
		"no name at all":                {"", fog.Image{}, fault.NotFound, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := serve(t, answers()).client(t, retry.Policy{}).Image(t.Context(), tc.ref)
			assert.Equal(t, tc.want, got)
			assert.Equal(t, tc.kind == "", err == nil, err)
			if err != nil {
				assert.Equal(t, tc.kind, fault.KindOf(err))
				assert.Contains(t, fault.HintOf(err), tc.hint)
			}
		})
	}
}

func TestAssignImage(t *testing.T) {
	now := func(image string) string {
		return `{"id":7,"name":"hpe13","imageID":` + image + `,"ADPass":"` + password + `"}`
	}
	for name, tc := range map[string]struct {
		put, get []any
		kind     fault.Kind
	}{
		"it is set":           {[]any{now("25")}, []any{now("25")}, ""},
		"it reads as text":    {[]any{now("25")}, []any{now(`"25"`)}, ""},
		"the first try hangs": {[]any{500, now("25")}, []any{502, now("25")}, ""},
		"FOG forgot it":       {[]any{now("25")}, []any{now("23")}, fault.Unproven},
		"FOG shows no image":  {[]any{now("25")}, []any{now("null")}, fault.Unproven},
		"the host is gone":    {[]any{reply{404, ""}}, []any{reply{404, ""}}, fault.NotFound},
		"FOG does not want it, and says so in JSON": {[]any{reply{417, `{"error":"` + password + `"}`}}, []any{now("23")}, fault.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, map[string][]any{"PUT host/7/edit": tc.put, "GET host/7": tc.get})
			err := s.client(t, patient).AssignImage(t.Context(), host, 25)
			if tc.kind == "" {
				require.NoError(t, err)
			} else {
				silent(t, err)
				assert.Equal(t, tc.kind, fault.KindOf(err))
			}
			assert.Equal(t, `application/json {"imageID":25,"name":"hpe13"}`, s.bodies["PUT host/7/edit"], "nothing else of the host is written back")
		})
	}
	s := serve(t, nil)
	assert.Equal(t, fault.Input, fault.KindOf(s.client(t, patient).AssignImage(t.Context(), host, 0)))
	assert.Empty(t, s.seen)
}
