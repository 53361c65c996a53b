package jinja

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// DecodeJSON reads one JSON document keeping the order of keys and the difference between 1 and 1.0.
func DecodeJSON(b []byte) (v any, err error) {
	defer guard(&err)
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if v, err = decode(dec); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("text after the JSON value")
	}
	return v, nil
}

func decode(dec *json.Decoder) (any, error) {
	t, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Number:
		return number(string(t)), nil
	case json.Delim:
		if t == '[' {
			out := []any{}
			for dec.More() {
				v, err := decode(dec)
				if err != nil {
					return nil, err
				}
				out = append(out, v)
			}
			_, err := dec.Token()
			return out, err
		}
		d := NewDict()
		for dec.More() {
			k, err := dec.Token()
			if err != nil {
				return nil, err
			}
			v, err := decode(dec)
			if err != nil {
				return nil, err
			}
			d.Set(k.(string), v)
		}
		_, err := dec.Token()
		return d, err
	}
	return t, nil
}

func number(s string) any {
	if !strings.ContainsAny(s, ".eE") {
		i, err := strconv.Atoi(s)
		if err != nil {
			refuse("the integer %s, which needs more than 64 bits,", s)
		}
		return i
	}
	f, _ := strconv.ParseFloat(s, 64)
	return f
}

// Dumper writes JSON as Python's json.dumps with the given separators; ASCII only, as its default is.
type Dumper struct {
	Item, Key string
	Sort      bool
	Indent    int
}

// Dump writes one value; what JSON has no form for is a TypeError.
func (d Dumper) Dump(v any) string {
	var b strings.Builder
	d.dump(&b, v, 0)
	return b.String()
}

func (d Dumper) dump(b *strings.Builder, v any, level int) {
	switch x := v.(type) {
	case nil:
		b.WriteString("null")
	case bool:
		b.WriteString(strconv.FormatBool(x))
	case int:
		b.WriteString(strconv.Itoa(x))
	case float64:
		if math.IsInf(x, 0) || math.IsNaN(x) {
			refuse("JSON of %s", floatText(x))
		}
		b.WriteString(floatText(x))
	case string:
		quoteJSON(b, x)
	case []any:
		d.list(b, x, level)
	case Tuple:
		d.list(b, x, level)
	case *Dict:
		keys := x.keys
		if d.Sort {
			keys = append([]string(nil), keys...)
			sort.Strings(keys)
		}
		if len(keys) == 0 {
			b.WriteString("{}")
			return
		}
		b.WriteByte('{')
		for i, k := range keys {
			d.separate(b, i, level+1)
			quoteJSON(b, k)
			b.WriteString(d.Key)
			d.dump(b, x.vals[k], level+1)
		}
		d.newline(b, level)
		b.WriteByte('}')
	case Undefined:
		Raise("TypeError", "Object of type StrictUndefined is not JSON serializable")
	default:
		Raise("TypeError", "Object of type %s is not JSON serializable", typeName(v))
	}
}

func (d Dumper) list(b *strings.Builder, l []any, level int) {
	if len(l) == 0 {
		b.WriteString("[]")
		return
	}
	b.WriteByte('[')
	for i, e := range l {
		d.separate(b, i, level+1)
		d.dump(b, e, level+1)
	}
	d.newline(b, level)
	b.WriteByte(']')
}

func (d Dumper) separate(b *strings.Builder, i, level int) {
	if i > 0 {
		b.WriteString(d.Item)
	}
	d.newline(b, level)
}

func (d Dumper) newline(b *strings.Builder, level int) {
	if d.Indent > 0 {
		b.WriteString("\n" + strings.Repeat(" ", d.Indent*level))
	}
}

func quoteJSON(b *strings.Builder, s string) {
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\b':
			b.WriteString(`\b`)
		case r == '\f':
			b.WriteString(`\f`)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		case r < 0x20 || r >= utf8.RuneSelf:
			fmt.Fprintf(b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
}
