package orquesta

import (
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
)

const reference = `[\]\[a-zA-Z0-9_'".()]*`

var (
	ctxCall  = regexp.MustCompile(`\bctx\(['"]?` + reference + `['"]?\)\.?` + reference)
	afterCtx = regexp.MustCompile(`\bctx\(\)\.`)
	varName  = regexp.MustCompile(`^[a-zA-Z0-9_-]+`)
	ctxNamed = []*regexp.Regexp{
		regexp.MustCompile(`\bctx\(([a-zA-Z0-9_-]+)\)`),
		regexp.MustCompile(`\bctx\('([a-zA-Z0-9_-]+)'\)`),
		regexp.MustCompile(`\bctx\("([a-zA-Z0-9_-]+)"\)`),
	}
)

// variable is a reference to a variable with the text it stands in.
type variable struct{ name, text string }

// variables finds references by text search, as Orquesta does.
func variables(v any) (out []variable) {
	texts(v, func(text string) {
		for _, expr := range inline.FindAllString(text, -1) {
			for _, ref := range ctxCall.FindAllString(stripped(expr), -1) {
				if n := attributeOf(ref); n != "" {
					out = append(out, variable{n, text})
				}
				for _, r := range ctxNamed {
					if m := r.FindStringSubmatch(ref); m != nil {
						out = append(out, variable{m[1], text})
					}
				}
			}
		}
	})
	sort.Slice(out, func(a, b int) bool { return out[a].name+"\x00"+out[a].text < out[b].name+"\x00"+out[b].text })
	return slices.Compact(out)
}

// attributeOf is x in ctx().x unless it is called.
func attributeOf(ref string) string {
	isWord := func(i int, s string) bool {
		return i >= 0 && i < len(s) && (s[i] == '_' || s[i] >= '0' && s[i] <= '9' || s[i]|0x20 >= 'a' && s[i]|0x20 <= 'z')
	}
	for _, at := range afterCtx.FindAllStringIndex(ref, -1) {
		rest := ref[at[1]:]
		for n := len(varName.FindString(rest)); n > 0; n-- {
			boundary := isWord(n-1, rest) != isWord(n, rest)
			if boundary && !(n < len(rest) && rest[n] == '(') {
				return rest[:n]
			}
		}
	}
	return ""
}

// walker checks that variables are assigned before they are referred to.
type walker struct {
	spec *Spec
	out  []Problem
}

func with(known []string, more ...string) []string {
	out := slices.Clone(known)
	for _, m := range more {
		if !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	return out
}

// look reports unknown variables in one value. A text that looks like inline parameters is checked as these, one by one.
func (w *walker) look(path string, v any, known []string) {
	if text, ok := v.(string); ok {
		if params := inlineParameters(text); len(params) > 0 {
			for i, p := range params {
				w.one(path+"["+strconv.Itoa(i)+"]", pairs([]entry{p}), known)
			}
			return
		}
	}
	w.one(path, v, known)
}

func (w *walker) one(path string, v any, known []string) {
	for _, ref := range variables(v) {
		if strings.HasPrefix(ref.name, "__") {
			w.add(path, ref, fmt.Sprintf("Variable \"%s\" that is prefixed with double underscores is considered a private variable "+
				"and cannot be referenced.", ref.name))
		}
		if !slices.Contains(known, ref.name) {
			w.add(path, ref, fmt.Sprintf("Variable \"%s\" is referenced before assignment.", ref.name))
		}
	}
}

func (w *walker) add(path string, ref variable, message string) {
	w.out = append(w.out, w.spec.problem("context", path, message, ref.text))
}

// entries checks a list of assignments, each seeing those before it, and gives the names known after it.
func (w *walker) entries(path string, list []entry, known []string) []string {
	for i, e := range list {
		if e.present {
			w.one(path+"["+strconv.Itoa(i)+"]", pairs([]entry{e}), known)
		}
		known = with(known, e.name)
	}
	return known
}

func (s *Spec) contexts(known []string) []Problem {
	w := &walker{spec: s}
	known = w.entries("input", s.input, known)
	known = w.entries("vars", s.vars, known)
	known = w.tasks(known)
	w.entries("output", s.output, known)
	return w.out
}

func (w *walker) tasks(known []string) []string {
	type visit struct {
		id    string
		known []string
	}
	var queue []visit
	for _, id := range w.spec.startTasks() {
		queue = append(queue, visit{id, known})
	}
	joined := map[string][]string{}
	var seen []string
	for len(queue) > 0 {
		v := queue[0]
		queue = queue[1:]
		seen = append(seen, v.id)
		if len(v.known) == 0 {
			v.known = joined[v.id]
		}
		known = with(known, v.known...)
		t := w.spec.tasks[v.id]
		if t == nil {
			continue // a command
		}
		path := "tasks." + v.id
		w.look(path+".delay", t.delay, v.known)
		w.look(path+".with.items", t.items, v.known)
		w.look(path+".with.concurrency", t.concurrency, v.known)
		w.look(path+".action", t.action, v.known)
		w.look(path+".input", t.input, v.known)
		for i, tr := range t.next {
			for _, to := range tr.do {
				at := path + ".next[" + strconv.Itoa(i) + "]"
				w.look(at+".when", tr.when, v.known)
				branch := w.entries(at+".publish", tr.publish, v.known)
				known := w.spec.tasks[to]
				switch {
				case slices.Contains(seen, to), known == nil && !slices.Contains(commands, to):
				case known != nil && hasJoin(known):
					joined[to] = with(joined[to], branch...)
					queue = append(queue, visit{id: to})
				default:
					queue = append(queue, visit{to, branch})
				}
			}
		}
	}
	return known
}

// hasJoin is Orquesta's has_join: "join: 0" is none.
func hasJoin(t *task) bool { return t.join != nil && t.join != 0 }
