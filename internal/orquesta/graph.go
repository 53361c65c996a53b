package orquesta

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Graph draws workflows as a Mermaid flowchart: one workflow file with the sub-workflows it leads to, or all of a pack.
func Graph(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	g := &grapher{names: map[string]string{}, specs: map[string]*Spec{}}
	if info.IsDir() {
		if err := g.pack(path); err != nil {
			return "", err
		}
		return g.draw(g.order), nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	spec, err := Parse(name, text)
	if err != nil {
		return "", err
	}
	if root := filepath.Dir(filepath.Dir(path)); exists(filepath.Join(root, "pack.yaml")) {
		if err := g.pack(root); err != nil {
			return "", err
		}
	}
	g.specs[name] = spec
	return g.draw(g.reachable(name)), nil
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

// grapher knows the workflows of a pack and which action each of them is.
type grapher struct {
	names map[string]string // workflow by action
	specs map[string]*Spec
	order []string
	out   strings.Builder
}

func (g *grapher) pack(dir string) error {
	l := &linter{dir: dir, actions: map[string]*metadata{}}
	packs, err := l.read("pack.yaml")
	if err != nil || len(packs) == 0 {
		return fmt.Errorf("draw %s: there is no pack.yaml: %w", dir, err)
	}
	l.pack, _ = get(packs[0].doc, "ref").(string)
	actions, err := l.read("actions/*.yaml")
	if err != nil {
		return err
	}
	for _, d := range actions {
		l.addAction(d)
	}
	files, err := filepath.Glob(filepath.Join(dir, "workflows", "*.yaml"))
	if err != nil {
		return err
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		name := strings.TrimSuffix(filepath.Base(f), ".yaml")
		spec, err := Parse(name, text)
		if err != nil {
			return fmt.Errorf("draw %s: %w", f, err)
		}
		g.specs[name] = spec
		g.order = append(g.order, name)
		if m := l.metadataOf("workflows/" + filepath.Base(f)); m != nil {
			g.names[m.ref] = name
		}
	}
	return nil
}

// reachable lists a workflow and those it starts, at any depth.
func (g *grapher) reachable(name string) []string {
	out := []string{name}
	for i := 0; i < len(out); i++ {
		for _, t := range g.specs[out[i]].Tasks() {
			if sub, ok := g.names[t.Action]; ok && !slices.Contains(out, sub) {
				out = append(out, sub)
			}
		}
	}
	return out
}

func (g *grapher) draw(workflows []string) string {
	g.line(0, "flowchart TD")
	var links []string
	for _, name := range workflows {
		g.line(1, "subgraph %s", name)
		for _, t := range g.specs[name].Tasks() {
			g.task(name, t)
			if sub, ok := g.names[t.Action]; ok && slices.Contains(workflows, sub) {
				links = append(links, fmt.Sprintf("%s -.-> %s", node(name, t.Name), sub))
			}
		}
		g.line(1, "end")
	}
	for _, l := range links {
		g.line(1, "%s", l)
	}
	return g.out.String()
}

func (g *grapher) line(depth int, format string, args ...any) {
	fmt.Fprintf(&g.out, strings.Repeat("  ", depth)+format+"\n", args...)
}

func node(workflow, task string) string { return workflow + "__" + task }

// task draws a task and what follows it. A loop over items has a double border, a join is a hexagon.
func (g *grapher) task(workflow string, t TaskInfo) {
	label := "<b>" + escaped(t.Name) + "</b>"
	if t.Action != "" {
		label += "<br/>" + escaped(t.Action)
	}
	left, right := "[", "]"
	switch {
	case t.With:
		left, right = "[[", "]]"
	case t.Join:
		left, right = "{{", "}}"
	}
	g.line(2, `%s%s"%s"%s`, node(workflow, t.Name), left, label, right)
	drawn := map[string]bool{}
	for _, tr := range t.Next {
		for _, to := range tr.Do {
			next := node(workflow, to)
			switch to {
			case "continue":
				continue
			case "fail", "noop":
				next = node(workflow, t.Name) + "_" + to
				if !drawn[to] {
					g.line(2, `%s(("%s"))`, next, to)
				}
				drawn[to] = true
			}
			arrow := "-->"
			if when := condition(tr.When); when != "" {
				arrow = fmt.Sprintf(`-- "%s" -->`, escaped(when))
			}
			g.line(2, "%s %s %s", node(workflow, t.Name), arrow, next)
		}
	}
}

// condition is when without its braces and with the usual calls as words.
func condition(when string) string {
	return strings.NewReplacer("succeeded()", "succeeded", "failed()", "failed", "completed()", "completed").Replace(stripped(when))
}

// escaped makes text safe within Mermaid's quotes.
func escaped(s string) string {
	return strings.NewReplacer(`"`, "'", "<", "&lt;", ">", "&gt;").Replace(s)
}
