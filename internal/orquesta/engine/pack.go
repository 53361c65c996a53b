package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/orquesta"
)

// schema is a JSON schema as StackStorm writes it, with required, immutable, secret and position beside it.
type schema = map[string]any

// action is a leaf action or a workflow as its metadata declares it.
type action struct {
	Ref, Pack, File string
	ID              string
	Name            string            `json:"name"`
	Description     string            `json:"description"`
	Runner          string            `json:"runner_type"`
	EntryPoint      string            `json:"entry_point"`
	Enabled         *bool             `json:"enabled"`
	Parameters      map[string]schema `json:"parameters"`
	OutputSchema    schema            `json:"output_schema"`

	spec *orquesta.Spec
}

// param is what is declared of a parameter: the runner's words with the action's over them.
func (a *action) param(name string) (schema, bool) {
	own, inAction := a.Parameters[name]
	base, inRunner := runners[a.Runner].Parameters[name]
	if !inAction || !inRunner {
		return firstNonNil(own, base), inAction || inRunner
	}
	both := maps.Clone(base)
	maps.Copy(both, own)
	return both, true
}

func firstNonNil(a, b schema) schema {
	if a != nil {
		return a
	}
	return b
}

// params are the names of all parameters, the runner's included.
func (a *action) params() []string {
	names := slices.Collect(maps.Keys(a.Parameters))
	for name := range runners[a.Runner].Parameters {
		if _, ok := a.Parameters[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// pack is all content of the pack's directory.
type pack struct {
	dir      string
	Ref      string `json:"ref"`
	Name     string `json:"name"`
	actions  map[string]*action
	rules    []*rule
	policies map[string][]*policy
	triggers map[string]schema
	sensor   *sensor
	config   map[string]schema
}

// loader collects everything that is wrong with a pack.
type loader struct {
	*pack
	problems []fault.Problem
}

// loadPack reads a pack as StackStorm registers it. What StackStorm refuses, and what is not supported here, is told
// all at once.
func loadPack(dir string) (*pack, error) {
	l := &loader{pack: &pack{dir: dir, actions: map[string]*action{}, policies: map[string][]*policy{}, triggers: map[string]schema{}}}
	l.read("pack.yaml", l.pack)
	if l.Ref == "" {
		l.Ref = l.Name
	}
	if _, err := os.Stat(filepath.Join(dir, "config.schema.yaml")); err == nil {
		l.read("config.schema.yaml", &l.config)
		l.config = schemas(l.config)
	}
	on := true
	l.actions["core.noop"] = &action{Ref: "core.noop", Pack: "core", Name: "noop", Description: "Action that does nothing", Runner: "noop",
		File: "actions/noop.yaml", ID: newID(), Enabled: &on, Parameters: map[string]schema{}}
	l.each("actions", l.loadAction)
	l.each("sensors", l.loadSensor)
	l.each("policies", l.loadPolicy)
	l.each("rules", l.loadRule)
	return l.pack, fault.FromProblems(fault.Input, "the pack in "+dir, l.problems)
}

func (l *loader) add(path, format string, args ...any) {
	l.problems = append(l.problems, fault.Problem{Path: path, Text: fmt.Sprintf(format, args...)})
}

// each loads all metadata files of a folder, if there is one.
func (l *loader) each(folder string, load func(file string)) {
	files, _ := filepath.Glob(filepath.Join(l.dir, folder, "*.yaml"))
	slices.Sort(files)
	for _, f := range files {
		load(filepath.Join(folder, filepath.Base(f)))
	}
}

// read decodes a YAML file of the pack, as StackStorm reads YAML, and says whether that worked.
func (l *loader) read(file string, into any) bool {
	err := func() error {
		text, err := os.ReadFile(filepath.Join(l.dir, file))
		if err != nil {
			return err
		}
		v, err := orquesta.ReadYAML(text)
		if err != nil {
			return err
		}
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		dec := json.NewDecoder(bytes.NewReader(b))
		dec.UseNumber() // or 1 and 1.0 would be the same
		return dec.Decode(into)
	}()
	if err != nil {
		l.add(file, "%v", err)
	}
	return err == nil
}

// schemas makes of what read decoded the values that templates and schemas work with.
func schemas(decoded map[string]schema) map[string]schema {
	out := map[string]schema{}
	for name, s := range decoded {
		out[name], _ = jsonable(s).(map[string]any)
	}
	return out
}

var parameterName = regexp.MustCompile(`^\w+$`)

func (l *loader) loadAction(file string) {
	a := &action{Pack: l.Ref, File: file, ID: newID()}
	if !l.read(file, a) {
		return
	}
	a.Ref, a.Parameters = l.Ref+"."+a.Name, schemas(a.Parameters)
	if runners[a.Runner] == nil {
		l.add(file, "the runner %q is not supported", a.Runner)
		return
	}
	for name, p := range a.Parameters {
		base, isRunners := runners[a.Runner].Parameters[name]
		_, hasDefault := p["default"]
		switch {
		case !parameterName.MatchString(name):
			l.add(file, "the parameter %q has a name that StackStorm refuses", name)
		case is(p, "immutable") && !hasDefault && (!isRunners || !has(base, "default")):
			l.add(file, "Immutable param %s requires a default value.", name)
		}
	}
	if a.Runner == "orquesta" {
		path := filepath.Join("actions", a.EntryPoint)
		text, err := os.ReadFile(filepath.Join(l.dir, path))
		if err != nil {
			l.add(file, "the workflow cannot be read: %v", err)
			return
		}
		if a.spec, err = orquesta.Parse(strings.TrimSuffix(filepath.Base(path), ".yaml"), text); err != nil {
			l.add(path, "%v", err)
			return
		}
	}
	l.actions[a.Ref] = a
}

func has(s schema, key string) bool { _, ok := s[key]; return ok }

// is says whether a flag of a schema is set.
func is(s schema, key string) bool { b, _ := s[key].(bool); return b }
