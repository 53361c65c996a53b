package engine

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"

	"stackstorm-laas/internal/orquesta/jinja"
)

// stamp is how StackStorm writes times.
const stamp = "2006-01-02T15:04:05.000000Z"

// document is an execution as the API shows it.
func (e *Engine) document(r *run) map[string]any {
	e.mu.Lock()
	defer e.mu.Unlock()
	params := r.maskedParams()
	live := map[string]any{"action": r.action.Ref, "action_is_workflow": r.action.Runner == "orquesta", "parameters": params,
		"callback": map[string]any{}, "runner_info": map[string]any{}, "id": r.liveID}
	if r.Status != requested && r.Status != delayed {
		host, _ := os.Hostname()
		live["runner_info"] = map[string]any{"hostname": host, "pid": os.Getpid()}
	}
	log := []map[string]any{}
	for _, l := range r.log {
		log = append(log, map[string]any{"timestamp": l.at.Format(stamp), "status": l.status})
	}
	doc := map[string]any{"action": r.action.document(), "runner": runners[r.action.Runner].document, "liveaction": live, "status": r.Status,
		"start_timestamp": r.StartedAt.Format(stamp), "context": jsonable(r.context), "log": log, "id": r.ID,
		"web_url": "https://localhost/#/history/" + r.ID + "/general"}
	if len(params) > 0 {
		doc["parameters"] = params
	}
	if r.Parent != "" {
		doc["parent"] = r.Parent
		if o, ok := r.context["orquesta"].(map[string]any); ok {
			doc["workflow_execution"], doc["task_execution"] = o["workflow_execution_id"], o["task_execution_id"]
		}
	}
	var children []string
	for _, c := range r.children {
		children = append(children, c.ID)
	}
	if len(children) > 0 {
		doc["children"] = children
	}
	if r.result != nil {
		doc["result"] = r.result
	}
	if !r.EndedAt.IsZero() {
		doc["end_timestamp"] = r.EndedAt.Format(stamp)
		doc["elapsed_seconds"] = r.EndedAt.Sub(r.StartedAt).Seconds()
		doc["result_size"] = len(jinja.Dumper{Item: ",", Key: ":"}.Dump(jinja.FromGo(r.result)))
	}
	return doc
}

// maskedParams hides secret parameters. They are hidden here and nowhere else, as in StackStorm.
func (r *run) maskedParams() map[string]any {
	out := maps.Clone(r.Parameters)
	for name := range out {
		if s, _ := r.action.param(name); is(s, "secret") {
			out[name] = masked
		}
	}
	return out
}

func (a *action) document() map[string]any {
	output := a.OutputSchema
	if output == nil {
		output = schema{}
	}
	return map[string]any{"tags": []any{}, "uid": "action:" + a.Pack + ":" + a.Name, "metadata_file": a.File, "name": a.Name, "ref": a.Ref,
		"description": a.Description, "enabled": a.Enabled == nil || *a.Enabled, "entry_point": a.EntryPoint, "pack": a.Pack,
		"runner_type": a.Runner, "parameters": a.Parameters, "output_schema": output, "notify": map[string]any{}, "id": a.ID}
}

// selected keeps the attributes that include_attributes names, dots leading inwards, and the id.
func selected(r *http.Request, doc map[string]any) map[string]any {
	asked := r.URL.Query().Get("include_attributes")
	if asked == "" {
		for _, name := range strings.Split(r.URL.Query().Get("exclude_attributes"), ",") {
			delete(doc, name)
		}
		return doc
	}
	out := map[string]any{"id": doc["id"]}
	for _, path := range strings.Split(asked, ",") {
		from, to := doc, out
		steps := strings.Split(path, ".")
		for i, step := range steps {
			v, ok := from[step]
			if !ok {
				break
			}
			inner, isObject := v.(map[string]any)
			if i == len(steps)-1 || !isObject {
				to[step] = v
				break
			}
			next, ok := to[step].(map[string]any)
			if !ok {
				next = map[string]any{}
				to[step] = next
			}
			from, to = inner, next
		}
	}
	return out
}

func (e *Engine) lookup(r *http.Request) (*run, *problem) {
	x, err := e.find(r.PathValue("id"))
	if err != nil {
		return nil, &problem{http.StatusNotFound, err.Error()}
	}
	return x, nil
}

func (e *Engine) getExecution(r *http.Request) (int, any, *problem) {
	x, p := e.lookup(r)
	if p != nil {
		return 0, nil, p
	}
	return http.StatusOK, selected(r, e.document(x)), nil
}

// getChildren shows children whole, whatever attributes are asked for, and their children unless depth says less.
func (e *Engine) getChildren(r *http.Request) (int, any, *problem) {
	x, p := e.lookup(r)
	if p != nil {
		return 0, nil, p
	}
	depth, err := strconv.Atoi(r.URL.Query().Get("depth"))
	if err != nil || depth < 0 {
		depth = math.MaxInt
	}
	docs := []map[string]any{}
	for _, c := range e.descendants(x, depth) {
		docs = append(docs, e.document(c))
	}
	return http.StatusOK, docs, nil
}

func (e *Engine) descendants(r *run, depth int) (out []*run) {
	if depth == 0 {
		return nil
	}
	e.mu.Lock()
	children := slices.Clone(r.children)
	e.mu.Unlock()
	for _, c := range children {
		out = append(append(out, c), e.descendants(c, depth-1)...)
	}
	return out
}

// listExecutions lists the newest first. Filters that it does not know are ignored, as StackStorm does.
func (e *Engine) listExecutions(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	fits := func(name, value string) bool { return q.Get(name) == "" || q.Get(name) == value }
	var found []*run
	e.mu.Lock()
	for _, x := range slices.Backward(e.all) {
		if fits("action", x.action.Ref) && fits("status", x.Status) && fits("parent", x.Parent) && fits("id", x.ID) {
			found = append(found, x)
		}
	}
	e.mu.Unlock()
	shown, limit := page(r, found)
	docs := []map[string]any{}
	for _, x := range shown {
		docs = append(docs, selected(r, e.document(x)))
	}
	w.Header().Set("X-Total-Count", strconv.Itoa(len(found)))
	w.Header().Set("X-Limit", strconv.Itoa(limit))
	answer(w, http.StatusOK, docs, nil)
}

func (e *Engine) postExecution(r *http.Request) (int, any, *problem) {
	var body struct {
		Action     string          `json:"action"`
		Parameters json.RawMessage `json:"parameters"`
		Context    struct {
			Trace struct {
				Tag string `json:"trace_tag"`
			} `json:"trace_context"`
		} `json:"context"`
	}
	if p := decode(r, &body); p != nil {
		return 0, nil, p
	}
	params, ok := jsonable(body.Parameters).(map[string]any)
	if !ok && len(body.Parameters) > 0 {
		return 0, nil, &problem{http.StatusBadRequest, repr(jsonable(body.Parameters)) + " is not of type 'object'"}
	}
	x, err := e.request(order{action: body.Action, params: params, traceTag: body.Context.Trace.Tag, context: operator(body.Context.Trace.Tag)})
	if err != nil {
		return 0, nil, &problem{http.StatusBadRequest, err.Error()}
	}
	doc := e.document(x) // as it was when it was requested: it may have started by now
	doc["status"], doc["log"] = requested, doc["log"].([]map[string]any)[:1]
	doc["liveaction"].(map[string]any)["runner_info"] = map[string]any{}
	for _, later := range []string{"result", "end_timestamp", "elapsed_seconds", "result_size", "children"} {
		delete(doc, later)
	}
	return http.StatusCreated, doc, nil
}

func (e *Engine) deleteExecution(r *http.Request) (int, any, *problem) {
	x, p := e.lookup(r)
	if p != nil {
		return 0, nil, p
	}
	if !e.cancel(x) {
		e.mu.Lock()
		defer e.mu.Unlock()
		return 0, nil, &problem{http.StatusOK, fmt.Sprintf("Action cannot be canceled. State = %s.", x.Status)}
	}
	doc := e.document(x) // a leaf action may be canceled by now; StackStorm takes two seconds for that
	if doc["status"] == canceled {
		log := doc["log"].([]map[string]any)
		doc["status"], doc["log"] = canceling, log[:len(log)-1]
		for _, later := range []string{"end_timestamp", "elapsed_seconds", "result_size"} {
			delete(doc, later)
		}
	}
	return http.StatusOK, doc, nil
}
