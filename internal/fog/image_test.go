package fog_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/fog"
	"stackstorm-laas/internal/retry"
)

func TestImages(t *testing.T) {
	captured := time.Date(2026, 11, 20, 23, 1, 2, 0, time.UTC)
	for name, tc := range map[string]struct {
		text string
		want fog.Image
	}{
		"1.5, all as text": {`{"id":"23","name":"u","path":"u","size":"1048576.000000:9437184.000000:","srvsize":"734003200","deployed":"2026-11-20 23:01:02","osID":"50","imageTypeID":"1","protected":"1","os":{"name":"Linux"}}`,
			fog.Image{ID: 23, Name: "u", OS: "Linux", Path: "u", Size: 734003200, DiskSize: 10485760, Partitions: 2, Captured: captured, OSID: 50, TypeID: 1, Protected: true}},
		"1.6, numbers": {`{"id":23,"name":"u","path":"dir","size":10485760,"srvsize":734003200,"osname":"Linux","osID":50,"imageTypeID":2,"protected":0}`,
			fog.Image{ID: 23, Name: "u", OS: "Linux", Path: "dir", Size: 734003200, DiskSize: 10485760, Partitions: 1, OSID: 50, TypeID: 2}},
		"nested numbers": {`{"id":23,"name":"u","os":{"id":"50"},"imagetype":{"id":1},"protected":true}`, fog.Image{ID: 23, Name: "u", OSID: 50, TypeID: 1, Protected: true}},
		"never captured": {`{"id":23,"name":"u","size":"","srvsize":null,"deployed":"0000-00-00 00:00:00","protected":""}`, fog.Image{ID: 23, Name: "u"}},
		"sizes of words": {`{"id":23,"name":"u","size":"10.00 MiB","srvsize":"unknown","deployed":"No Data"}`, fog.Image{ID: 23, Name: "u"}},
		"negative sizes": {`{"id":23,"name":"u","size":"-5","srvsize":"1e300"}`, fog.Image{ID: 23, Name: "u"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, list := range []string{`{"count":1,"images":[` + tc.text + `]}`, `{"recordsFiltered":"1","data":{"3":` + tc.text + `}}`} {
				c := serve(t, map[string][]any{"GET image": {list}, "GET image/23": {tc.text}}).client(t, retry.Policy{})
				images, err := c.Images(t.Context())
				require.NoError(t, err)
				assert.Equal(t, []fog.Image{tc.want}, images)
				one, err := c.Image(t.Context(), "23")
				require.NoError(t, err)
				assert.Equal(t, tc.want, one)
			}
		})
	}
}

func TestCreateImage(t *testing.T) {
	const list = `{"count":2,"images":[{"id":23,"name":"ubuntu","path":"ubuntu"},{"id":24,"name":"other","path":"dir"}]}`
	const listed = `{"count":3,"images":[{"id":23,"name":"ubuntu"},{"id":24,"name":"other","path":"dir"},{"id":30,"name":"new"}]}`
	const shape = `{"id":23,"name":"ubuntu","path":"ubuntu","osID":"50","imageTypeID":"2","imagePartitionTypeID":"3","compress":"6","format":"5","protected":"1","srvsize":"9"}`
	const made = `{"id":"30","name":"new","path":"new","osID":"50","imageTypeID":"2","description":"made by laas, like ubuntu"}`
	const theirs = `{"id":"30","name":"new","path":"new","osID":"50","imageTypeID":"2","description":"by hand"}`
	alreadyThere := reply{500, `{"error":"Already created"}`}
	for name, tc := range map[string]struct {
		asked        string
		lists, posts []any
		read         any
		policy       retry.Policy
		kind         fault.Kind
		sent         int
	}{
		"it is made":                      {"new", []any{list}, []any{made}, made, patient, "", 1},
		"a 500 that did nothing":          {"new", []any{list}, []any{500, made}, made, patient, "", 2},
		"a 500 after it was made":         {"new", []any{list, listed}, []any{500}, made, patient, "", 1},
		"no answer, and it was made":      {"new", []any{list, listed}, []any{time.Duration(0)}, made, patient, "", 1},
		"an earlier try made it":          {"new", []any{list, list, listed}, []any{500, alreadyThere}, made, patient, "", 2},
		"the name was taken meanwhile":    {"new", []any{list, listed}, []any{alreadyThere}, theirs, patient, fault.Refused, 1},
		"an answer that tells nothing":    {"new", []any{list, listed}, []any{`null`}, made, patient, "", 1},
		"an answer, and nothing was made": {"new", []any{list}, []any{`null`}, made, patient, fault.Failed, 1},
		"a required field is missing":     {"new", []any{list}, []any{reply{417, `{"error":"` + password + `"}`}}, made, patient, fault.Failed, 1},
		"FOG stays broken":                {"new", []any{list}, []any{500}, made, impatient, fault.Transient, -1},
		"it is not what was asked for":    {"new", []any{list}, []any{made}, `{"id":30,"name":"new","path":"ubuntu"}`, patient, fault.Unproven, 1},
		"it is gone when read back":       {"new", []any{list}, []any{made}, reply{404, ""}, patient, fault.NotFound, 1},
		"the name is taken":               {"ubuntu", []any{list}, nil, made, patient, fault.Refused, 0},
		"the path is taken":               {"dir", []any{list}, nil, made, patient, fault.Refused, 0},
		"the name leads elsewhere":        {"../new", []any{list}, nil, made, patient, fault.Input, 0},
		"the name is hidden":              {".new", []any{list}, nil, made, patient, fault.Input, 0},
		"the name has a blank":            {"new image", []any{list}, nil, made, patient, fault.Input, 0},
		"no name":                         {"", []any{list}, nil, made, patient, fault.Input, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, map[string][]any{"GET image": tc.lists, "GET image/23": {shape}, "GET image/30": {tc.read}, "POST image/create": tc.posts})
			got, err := s.client(t, tc.policy).CreateImage(t.Context(), tc.asked, fog.Image{ID: 23, Name: "ubuntu"})
			if tc.sent >= 0 {
				assert.Equal(t, tc.sent, s.count("POST image/create"))
			}
			if tc.kind != "" {
				silent(t, err)
				assert.Equal(t, tc.kind, fault.KindOf(err), err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, fog.Image{ID: 30, Name: "new", Path: "new", OSID: 50, TypeID: 2}, got)
			assert.JSONEq(t, `{"name":"new","path":"new","description":"made by laas, like ubuntu","isEnabled":1,"toReplicate":1,
				"osID":50,"imageTypeID":2,"imagePartitionTypeID":3,"compress":6,"format":5}`, s.bodies["POST image/create"][len("application/json "):])
		})
	}
}

func TestDeleteImage(t *testing.T) {
	const image = `{"id":30,"name":"old","protected":"0"}`
	gone := reply{404, ""}
	for name, tc := range map[string]struct {
		reads  []any
		answer any
		kind   fault.Kind
		sent   int
	}{
		"it is deleted":                 {[]any{image, gone}, `""`, "", 1},
		"an empty answer":               {[]any{image, gone}, ``, "", 1},
		"it is not there":               {[]any{gone}, `""`, "", 0},
		"it went by itself":             {[]any{image, gone}, gone, "", 1},
		"it is protected":               {[]any{`{"id":30,"name":"old","protected":"1"}`}, `""`, fault.Refused, 0},
		"ok, and it is still there":     {[]any{image}, `""`, fault.Unproven, 1},
		"500, and it is still there":    {[]any{image}, 500, fault.Transient, -1},
		"500, and it is gone":           {[]any{image, gone}, 500, "", -1},
		"the key may not":               {[]any{image}, reply{403, ""}, fault.Credentials, 1},
		"FOG cannot tell what became":   {[]any{image, 502}, `""`, fault.Transient, 1},
		"it cannot be read at all":      {[]any{502}, `""`, fault.Transient, 0},
		"another image is in its place": {[]any{`{"id":31,"name":"old"}`}, `""`, fault.Failed, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, map[string][]any{"GET image/30": tc.reads, "DELETE image/30/delete": {tc.answer}})
			err := s.client(t, impatient).DeleteImage(t.Context(), 30)
			if tc.sent >= 0 {
				assert.Equal(t, tc.sent, s.count("DELETE image/30/delete"))
			}
			if tc.kind == "" {
				require.NoError(t, err)
				return
			}
			silent(t, err)
			assert.Equal(t, tc.kind, fault.KindOf(err), err)
		})
	}
}
