package orquesta

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	yaml "go.yaml.in/yaml/v3"

	"stackstorm-laas/internal/orquesta/jinja"
)

// Finding is something in a pack that StackStorm refuses or silently takes otherwise than it reads, or that the embedded runner
// does not support.
type Finding struct {
	File string // relative to the pack
	Line int
	Text string
}

func (f Finding) String() string { return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Text) }

// document is one YAML file of the pack.
type document struct {
	file string
	node *yaml.Node
	doc  *jinja.Dict
}

// metadata is an action as its file declares it.
type metadata struct {
	document
	ref, runner, entryPoint string
	parameters              *jinja.Dict
}

type linter struct {
	dir      string
	pack     string
	findings []Finding
	actions  map[string]*metadata
}

// Lint looks through the actions, workflows, rules and policies of a pack. Findings come by file and line.
func Lint(packDir string) ([]Finding, error) {
	l := &linter{dir: packDir, actions: map[string]*metadata{}}
	packs, err := l.read("pack.yaml")
	if err != nil {
		return nil, err
	}
	if len(packs) == 0 {
		return nil, fmt.Errorf("lint %s: there is no pack.yaml", packDir)
	}
	if l.pack, _ = get(packs[0].doc, "ref").(string); l.pack == "" {
		l.pack, _ = get(packs[0].doc, "name").(string)
	}
	actions, err := l.read("actions/*.yaml")
	if err != nil {
		return nil, err
	}
	for _, d := range actions {
		l.addAction(d)
	}
	if err := l.lintWorkflows(); err != nil {
		return nil, err
	}
	for _, kind := range []struct {
		pattern string
		check   func(*document)
	}{{"rules/*.yaml", l.lintRule}, {"policies/*.yaml", l.lintPolicy}, {"sensors/*.yaml", func(*document) {}}, {"aliases/*.yaml", l.lintAlias}} {
		docs, err := l.read(kind.pattern)
		if err != nil {
			return nil, err
		}
		for _, d := range docs {
			kind.check(d)
		}
	}
	sort.SliceStable(l.findings, func(a, b int) bool {
		x, y := l.findings[a], l.findings[b]
		if x.File != y.File {
			return x.File < y.File
		}
		if x.Line != y.Line {
			return x.Line < y.Line
		}
		return x.Text < y.Text
	})
	return slices.Compact(l.findings), nil
}

func (l *linter) add(file string, line int, format string, args ...any) {
	l.findings = append(l.findings, Finding{file, line, fmt.Sprintf(format, args...)})
}

// at adds a finding at a path of a document.
func (l *linter) at(d *document, path []string, format string, args ...any) {
	l.add(d.file, (&Spec{node: d.node}).line(path...), format, args...)
}

// read loads the documents that a pattern names; those that cannot be loaded are findings.
func (l *linter) read(pattern string) ([]*document, error) {
	files, err := filepath.Glob(filepath.Join(l.dir, pattern))
	if err != nil {
		return nil, err
	}
	var out []*document
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		name, err := filepath.Rel(l.dir, f)
		if err != nil {
			return nil, err
		}
		if d := l.load(filepath.ToSlash(name), text); d != nil {
			out = append(out, d)
		}
	}
	return out, nil
}

func (l *linter) load(file string, text []byte) *document {
	node, err := parseYAML(text)
	if err != nil || node == nil {
		l.add(file, 1, "cannot be read: %v", err)
		return nil
	}
	l.scalars(file, node)
	v, err := fromNode(node)
	var u *Unsupported
	if errors.As(err, &u) {
		l.add(file, u.Line, "%s is not supported by the embedded runner", u.What)
		return nil
	}
	d, ok := v.(*jinja.Dict)
	if err != nil || !ok {
		l.add(file, node.Line, "is not a mapping: %v", err)
		return nil
	}
	return &document{file, node, d}
}

// scalars finds plain scalars that YAML 1.1, which StackStorm reads, and YAML 1.2, which most other tools read, take differently.
func (l *linter) scalars(file string, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.Style == 0 && !sameScalar(n.Value) {
		v, err := scalar(n.Value)
		as := fmt.Sprintf("%v", v)
		if err != nil {
			as = "a date or a number"
		}
		l.add(file, n.Line, "%s is not the same in YAML 1.1 (StackStorm reads %s) and YAML 1.2: quote it", n.Value, as)
	}
	for _, c := range n.Content {
		l.scalars(file, c)
	}
}

func (l *linter) addAction(d *document) {
	name, _ := get(d.doc, "name").(string)
	m := &metadata{document: *d, ref: l.pack + "." + name}
	m.runner, _ = get(d.doc, "runner_type").(string)
	m.entryPoint, _ = get(d.doc, "entry_point").(string)
	m.parameters = dictOf(get(d.doc, "parameters"))
	if _, twice := l.actions[m.ref]; twice {
		l.at(d, []string{"name"}, "another action has the name %s too", name)
	}
	l.actions[m.ref] = m
	if _, err := os.Stat(filepath.Join(l.dir, "actions", m.entryPoint)); m.entryPoint != "" && err != nil {
		l.at(d, []string{"entry_point"}, "there is no file %s below actions/", m.entryPoint)
	}
	for _, name := range m.parameters.Keys() {
		p := dictOf(get(m.parameters, name))
		l.templates(d, []string{"parameters", name, "default"}, get(p, "default"))
		if v, ok := p.Get("default"); ok && v != nil {
			l.typed(d, []string{"parameters", name, "default"}, "the default of "+name, v, get(p, "type"))
		}
	}
}

// templates checks what StackStorm renders outside of workflows.
func (l *linter) templates(d *document, path []string, v any) {
	env := &jinja.Env{Filters: map[string]jinja.Func{"decrypt_kv": decryptKey, "to_complex": toComplex}}
	for n, f := range stackstormFunctions {
		env.Filters[n] = f
	}
	texts(v, func(text string) {
		if !strings.Contains(text, "{{") && !strings.Contains(text, "{%") {
			return
		}
		t, err := jinja.ParseTemplate(text)
		if err == nil {
			err = env.CheckTemplate(t)
		}
		if err != nil {
			l.at(d, path, "%v", err)
		}
	})
}

func (l *linter) lintRule(d *document) {
	action := dictOf(get(d.doc, "action"))
	ref, _ := get(action, "ref").(string)
	m := l.actions[ref]
	l.templates(d, []string{"action", "parameters"}, get(action, "parameters"))
	if m == nil {
		l.unknown(d, []string{"action", "ref"}, ref)
		return
	}
	l.given(d, []string{"action", "parameters"}, m, dictOf(get(action, "parameters")))
}

func (l *linter) lintPolicy(d *document) {
	ref, _ := get(d.doc, "resource_ref").(string)
	m := l.actions[ref]
	if m == nil {
		l.unknown(d, []string{"resource_ref"}, ref)
		return
	}
	attributes, _ := get(dictOf(get(d.doc, "parameters")), "attributes").([]any)
	for _, a := range attributes {
		if name, _ := a.(string); !has(m.parameters, name) {
			l.at(d, []string{"parameters", "attributes"}, "the action %s has no parameter %s", ref, name)
		}
	}
}

func (l *linter) lintAlias(d *document) {
	if ref, _ := get(d.doc, "action_ref").(string); l.actions[ref] == nil {
		l.unknown(d, []string{"action_ref"}, ref)
	}
}

func (l *linter) unknown(d *document, path []string, ref string) {
	l.at(d, path, "there is no action %q in this pack", ref)
}

func has(d *jinja.Dict, key string) bool { _, ok := d.Get(key); return ok }
