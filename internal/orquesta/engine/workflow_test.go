package engine

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRecordedWorkflow(t *testing.T) {
	e := start(t)
	x := finished(t, e, "laasx.parent", map[string]any{"hosts": "a,bad"})
	r := recorded(t, "20")
	assert.Equal(t, failed, x.Status)
	_, _, body := ask(t, e, r, e.Token(), "6b00e7b15c135140993a727a", x.ID)
	doc, want := body.(map[string]any), r.Body.(map[string]any)
	assert.Equal(t, want["result"], doc["result"], "all items ran, and each told its failure")
	assert.Len(t, doc["children"], len(want["children"].([]any)))

	children := recorded(t, "21")
	_, _, body = ask(t, e, children, e.Token(), "6b00e7b15c135140993a727a", x.ID)
	got := body.([]any)
	require.Len(t, got, 3)
	by := func(list []any) map[string]any { // items end in any order
		out := map[string]any{}
		for _, c := range list {
			d := shape(c).(map[string]any)
			delete(d, "log")
			delete(d, "children")
			params, _ := d["parameters"].(map[string]any)
			out[fmt.Sprint(d["action"].(map[string]any)["ref"], params["host"])] = d
		}
		return out
	}
	assert.Equal(t, by(children.Body.([]any)), by(got))
}

func TestHostsRunSideBySide(t *testing.T) {
	e := start(t)
	x := finished(t, e, "laasx.parent", map[string]any{"hosts": strings.TrimSuffix(strings.Repeat("h,", 50), ",")})
	assert.Equal(t, succeeded, x.Status, "%v", result(x, "errors"))
	assert.Len(t, e.Executions(), 1+50+50)
}

func TestAWorkflowThatIsWrongStartsNothing(t *testing.T) {
	e := start(t)
	x := finished(t, e, "laasx.wrong", nil)
	assert.Equal(t, failed, x.Status)
	assert.Nil(t, result(x, "output"))
	var texts []string
	for _, err := range result(x, "errors").([]any) {
		texts = append(texts, err.(map[string]any)["message"].(string))
	}
	assert.ElementsMatch(t, []string{`The action "laasx.nothing" is not registered in the database.`,
		`Action "laasx.probe" is missing required input "host".`, `Action "laasx.probe" has unexpected input "zzz".`}, texts)
	assert.Len(t, e.Executions(), 1)
}

func TestAnActionThatCannotBeRequestedFailsTheWorkflowPastItsHandlers(t *testing.T) {
	e := start(t)
	x := finished(t, e, "laasx.misuse", nil)
	assert.Equal(t, failed, x.Status)
	errs := result(x, "errors").([]any)
	require.Len(t, errs, 1)
	assert.Contains(t, errs[0].(map[string]any)["message"], "invalid literal for int()")
	assert.Equal(t, "one", errs[0].(map[string]any)["task_id"])
	assert.Len(t, e.Executions(), 1, "the handler did not run")
}

func TestWorkflowContext(t *testing.T) {
	e, g := start(t), newGate(t)
	id, err := e.Start("laasx.inner", map[string]any{"dir": g.dir}, "booking-1")
	require.NoError(t, err)
	g.began()
	g.release()
	x, err := e.Wait(ctx, id)
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"later": "from the metadata", "me": id, "kv": "pod1"}, result(x, "output"),
		"the metadata's default is passed and the workflow's own is not used")
	for _, c := range e.Executions()[1:] {
		assert.Equal(t, id, c.Parent)
		assert.Equal(t, "booking-1", c.TraceTag)
	}
	assert.GreaterOrEqual(t, x.EndedAt.Sub(x.StartedAt).Seconds(), 1.0, "the delay of a task is waited for")
}

func TestCancelOfAWorkflow(t *testing.T) {
	e, g := start(t), newGate(t)
	outer, err := e.Start("laasx.outer", map[string]any{"dir": g.dir}, "")
	require.NoError(t, err)
	g.began()
	require.NoError(t, e.Cancel(outer))
	statuses := func() map[string]string {
		out := map[string]string{}
		for _, x := range e.Executions() {
			out[x.Action] = x.Status
		}
		return out
	}
	now := statuses()
	assert.Equal(t, canceling, now["laasx.outer"])
	assert.Equal(t, running, now["laasx.wait"], "the action's own status says nothing of the cancel")
	assert.Equal(t, "0", g.release())
	x, err := e.Wait(ctx, outer)
	require.NoError(t, err)
	assert.Equal(t, canceled, x.Status)
	assert.Equal(t, map[string]string{"laasx.outer": canceled, "laasx.inner": canceled, "laasx.wait": succeeded}, statuses(),
		"what ran went on to its end, and nothing more was started")
}

func TestEveryExecutionIsTold(t *testing.T) {
	began, ended := make(chan string, 100), make(chan string, 100)
	e := start(t, func(c *Config) {
		c.OnStart = func(x Execution) { began <- x.Action + " " + x.Status }
		c.OnEnd = func(x Execution) { ended <- x.Action + " " + x.Status }
	})
	finished(t, e, "laasx.child", map[string]any{"host": "a"})
	assert.Equal(t, []string{"laasx.child running", "laasx.probe running"}, []string{<-began, <-began})
	assert.Equal(t, []string{"laasx.probe succeeded", "laasx.child succeeded"}, []string{<-ended, <-ended})
}

func TestCloseEndsWhatRuns(t *testing.T) {
	e, g := start(t), newGate(t)
	id, err := e.Start("laasx.outer", map[string]any{"dir": g.dir}, "")
	require.NoError(t, err)
	g.began()
	e.Close()
	x, err := e.Execution(id)
	require.NoError(t, err)
	assert.NotEqual(t, running, x.Status)
	assert.Empty(t, e.PIDs())
	_, err = e.Start("laasx.probe", map[string]any{"host": "a"}, "")
	assert.Error(t, err)
}
