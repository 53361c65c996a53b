package orquesta

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v3"

	"stackstorm-laas/internal/orquesta/jinja"
)

// ReadYAML reads a document by the rules of YAML 1.1 as PyYAML does: yes, on, 010 and 12:30 are not text. A key given twice is
// an error, as it is in StackStorm.
func ReadYAML(text []byte) (any, error) {
	root, err := parseYAML(text)
	if err != nil || root == nil {
		return nil, err
	}
	return fromNode(root)
}

// NotReadable is a text that is no YAML. Orquesta does not get as far as an inspection of it.
type NotReadable struct{ Text string }

func (e *NotReadable) Error() string { return "read YAML: " + e.Text }

func parseYAML(text []byte) (*yaml.Node, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, &NotReadable{err.Error()}
	}
	if len(doc.Content) == 0 {
		return nil, nil
	}
	return doc.Content[0], nil
}

func fromNode(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.AliasNode:
		return fromNode(n.Alias)
	case yaml.SequenceNode:
		out := make([]any, len(n.Content))
		for i, c := range n.Content {
			v, err := fromNode(c)
			if err != nil {
				return nil, err
			}
			out[i] = v
		}
		return out, nil
	case yaml.MappingNode:
		d := jinja.NewDict()
		for i := 0; i < len(n.Content); i += 2 {
			k := n.Content[i]
			key, err := fromNode(k)
			if err != nil {
				return nil, err
			}
			name, ok := key.(string)
			if !ok || k.Tag == "!!merge" {
				return nil, &Unsupported{What: fmt.Sprintf("the key %s, which is not text in YAML 1.1,", k.Value), Line: k.Line}
			}
			if _, twice := d.Get(name); twice {
				return nil, &NotReadable{fmt.Sprintf("line %d: the key %q is given twice", k.Line, name)}
			}
			v, err := fromNode(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			d.Set(name, v)
		}
		return d, nil
	}
	if n.Style&yaml.TaggedStyle != 0 {
		return nil, &Unsupported{What: "the tag " + n.Tag, Line: n.Line}
	}
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return n.Value, nil
	}
	v, err := scalar(n.Value)
	if err != nil {
		return nil, &Unsupported{What: err.Error(), Line: n.Line}
	}
	return v, nil
}

var (
	yamlInt   = regexp.MustCompile(`^[-+]?(0b[01_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)$`)
	yamlClock = regexp.MustCompile(`^[-+]?[1-9][0-9_]*(:[0-5]?[0-9])+$`)
	yamlFloat = regexp.MustCompile(`^([-+]?([0-9][0-9_]*)\.[0-9_]*([eE][-+][0-9]+)?|\.[0-9][0-9_]*([eE][-+][0-9]+)?)$`)
	yamlOdd   = regexp.MustCompile(`^([-+]?[0-9][0-9_]*(:[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*|=|<<)$`)
)

// scalar reads a plain scalar.
func scalar(s string) (any, error) {
	switch s {
	case "", "~", "null", "Null", "NULL":
		return nil, nil
	case "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON":
		return true, nil
	case "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF":
		return false, nil
	}
	plain := strings.ReplaceAll(s, "_", "")
	switch {
	case yamlInt.MatchString(s):
		sign := 1
		if t := strings.TrimLeft(plain, "+-"); t != plain {
			if plain[0] == '-' {
				sign = -1
			}
			plain = t
		}
		base := 10
		switch {
		case strings.HasPrefix(plain, "0b"):
			base, plain = 2, plain[2:]
		case strings.HasPrefix(plain, "0x"):
			base, plain = 16, plain[2:]
		case plain != "0" && plain[0] == '0':
			base = 8
		}
		n, err := strconv.ParseInt(plain, base, 64)
		if err != nil {
			return nil, fmt.Errorf("the integer %s", s)
		}
		return sign * int(n), nil
	case yamlClock.MatchString(s):
		sign, total := 1, 0
		if plain[0] == '-' {
			sign = -1
		}
		for _, part := range strings.Split(strings.TrimLeft(plain, "+-"), ":") {
			n, err := strconv.Atoi(part)
			if err != nil || total > math.MaxInt32 {
				return nil, fmt.Errorf("the sexagesimal number %s", s)
			}
			total = total*60 + n
		}
		return sign * total, nil
	case yamlFloat.MatchString(s):
		f, err := strconv.ParseFloat(plain, 64)
		if err != nil {
			return nil, fmt.Errorf("the number %s", s)
		}
		return f, nil
	case yamlOdd.MatchString(s):
		return nil, fmt.Errorf("the plain scalar %s (quote it)", s)
	}
	return s, nil
}

var yaml12Number = regexp.MustCompile(`^([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?)$`)

// sameScalar says whether YAML 1.1 and 1.2 read a plain scalar alike, and as text or a plain decimal number.
func sameScalar(s string) bool {
	v, err := scalar(s)
	if err != nil {
		return false
	}
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return strings.EqualFold(s, "true") || strings.EqualFold(s, "false")
	case string:
		return !yaml12Number.MatchString(s)
	case int:
		return strconv.Itoa(v) == strings.TrimPrefix(s, "+")
	}
	return yaml12Number.MatchString(s)
}
