package dashboard_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/dashboard"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/retry"
)

func TestUpdateSendsAForm(t *testing.T) {
	answer := `{"task":{"dashboard_id":3,"host":"hpe13"},"meta":{"status":"200","job":"Job object (1)","message":"a & b"}}`
	for name, tc := range map[string]struct {
		update dashboard.Update
		want   url.Values
	}{
		"all three":     {dashboard.Update{Status: ptr(200), Message: ptr("a & b\n"), LabToken: ptr("vpn_x")}, url.Values{"status": {"200"}, "message": {"a & b\n"}, "lab_token": {"vpn_x"}}},
		"a status only": {dashboard.Update{Status: ptr(200)}, url.Values{"status": {"200"}}},
		"empty texts":   {dashboard.Update{Message: ptr(""), LabToken: ptr("")}, url.Values{"message": {""}, "lab_token": {""}}},
		"nothing":       {dashboard.Update{}, url.Values{}},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, map[string][]any{"POST jobs/1/test_task": {answer}})
			raw, err := s.client(t, retry.Policy{}).Update(t.Context(), 1, "test_task", tc.update)
			require.NoError(t, err)
			assert.JSONEq(t, `{"dashboard_id":3,"host":"hpe13"}`, string(raw))
			require.Len(t, s.forms, 1)
			kind, form, _ := strings.Cut(s.forms[0], " ")
			assert.Equal(t, "application/x-www-form-urlencoded", kind)
			got, err := url.ParseQuery(form)
			require.NoError(t, err)
			assert.Equal(t, tc.want, got)
		})
	}
}

func TestUpdateIsProvenByItsAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		answer string
		want   fault.Kind
	}{
		"a status as a number is fine":       {`{"task":{},"meta":{"status":200}}`, ""},
		"no status in the answer is fine":    {`{"task":{}}`, ""},
		"another status is not what we sent": {`{"task":{},"meta":{"status":"100"}}`, fault.Unproven},
		"no task in the answer":              {`{"meta":{"status":"200"}}`, fault.Failed},
		"a task that is text":                {`{"task":"x","meta":{"status":"200"}}`, fault.Failed},
		"null":                               {`null`, fault.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, map[string][]any{"POST jobs/1/t1": {tc.answer}})
			_, err := s.client(t, patient).Update(t.Context(), 1, "t1", dashboard.Update{Status: ptr(200)})
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			silent(t, err)
			assert.Equal(t, tc.want, fault.KindOf(err))
		})
	}
}

func TestWhatTheDashboardCannotTakeIsNotSent(t *testing.T) {
	s := serve(t, nil)
	c := s.client(t, patient)
	_, err := c.Update(t.Context(), 1, "t1", dashboard.Update{LabToken: ptr(strings.Repeat("x", 51))})
	assert.Equal(t, fault.Input, fault.KindOf(err))
	_, err = c.Update(t.Context(), 1, "../../hosts/x", dashboard.Update{})
	assert.Equal(t, fault.Input, fault.KindOf(err))
	_, err = c.Task(t.Context(), 1, "")
	assert.Equal(t, fault.Input, fault.KindOf(err))
	_, err = c.Host(t.Context(), "hpe13.example.org")
	assert.Equal(t, fault.Input, fault.KindOf(err))
	assert.Contains(t, err.Error(), "hpe13.example.org")
	assert.Empty(t, s.seen)
}
