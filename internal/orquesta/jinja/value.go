package jinja

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
)

// A value is nil, bool, int, float64, string, []any, Tuple, *Dict, or, while an expression is evaluated, *Iter, Undefined,
// Func or a bound method.

// Tuple is Python's tuple: it prints with parentheses and becomes a list once it is stored.
type Tuple []any

// Dict is a dict with text keys that keeps the order in which they were added.
type Dict struct {
	keys []string
	vals map[string]any
}

// NewDict makes a dict of keys and values given in turn.
func NewDict(pairs ...any) *Dict {
	d := &Dict{vals: map[string]any{}}
	for i := 0; i+1 < len(pairs); i += 2 {
		d.Set(pairs[i].(string), pairs[i+1])
	}
	return d
}

// Get is the value of a key and whether there is one.
func (d *Dict) Get(key string) (any, bool) { v, ok := d.vals[key]; return v, ok }

// Set adds or replaces; a replaced key keeps its place.
func (d *Dict) Set(key string, v any) {
	if _, ok := d.vals[key]; !ok {
		d.keys = append(d.keys, key)
	}
	d.vals[key] = v
}

// Delete removes a key if it is there.
func (d *Dict) Delete(key string) {
	if _, ok := d.vals[key]; ok {
		delete(d.vals, key)
		d.keys = slices.DeleteFunc(d.keys, func(k string) bool { return k == key })
	}
}

// Keys are the keys in order.
func (d *Dict) Keys() []string { return d.keys }

// Len is the number of keys.
func (d *Dict) Len() int { return len(d.keys) }

// MarshalJSON writes the keys in order.
func (d *Dict) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, k := range d.keys {
		if i > 0 {
			out = append(out, ',')
		}
		kb, err := json.Marshal(k)
		if err != nil {
			return nil, err
		}
		vb, err := json.Marshal(d.vals[k])
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, kb...), ':'), vb...)
	}
	return append(out, '}'), nil
}

// Iter is what Python hands out lazily: a generator, a view of a dict, a range. Only a Generator becomes a list by itself.
type Iter struct {
	Items     []any
	Generator bool
	Kind      string
}

// Undefined stands for a name, attribute or element that is not there; any use of it but default and "is defined" fails.
type Undefined struct{ Text string }

// Func is a function that expressions may call.
type Func func(args []any, kwargs map[string]any) any

// Error is an exception of Python or Jinja2 by its class.
type Error struct{ Class, Text string }

func (e *Error) Error() string { return e.Class + ": " + e.Text }

// Raise ends the evaluation with an exception. Functions handed to Eval use it.
func Raise(class, format string, args ...any) {
	panic(&Error{Class: class, Text: fmt.Sprintf(format, args...)})
}

// Unsupported names what is valid Jinja but not known here to behave as it does in Jinja2.
type Unsupported struct{ What string }

func (e *Unsupported) Error() string { return e.What + " is not supported by the embedded runner" }

func refuse(format string, args ...any) { panic(&Unsupported{fmt.Sprintf(format, args...)}) }

// guard turns what Raise and refuse threw into an error.
func guard(err *error) {
	switch e := recover().(type) {
	case nil:
	case *Error:
		*err = e
	case *Unsupported:
		*err = e
	default:
		panic(e)
	}
}

// FromGo converts what Go code holds (maps, any integer and float type, slices) into values. Keys of a map come sorted.
func FromGo(v any) any {
	switch x := v.(type) {
	case nil, bool, int, float64, string, *Dict, Undefined, Func, *Iter, Keys:
		return x
	case float32:
		return float64(x)
	case int64:
		return int(x)
	case int32:
		return int(x)
	case uint64:
		return int(x)
	case json.Number:
		return number(string(x))
	case json.RawMessage:
		out, err := DecodeJSON(x)
		if err != nil {
			return string(x)
		}
		return out
	case map[string]any:
		keys := make([]string, 0, len(x))
		for k := range x {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		d := NewDict()
		for _, k := range keys {
			d.Set(k, FromGo(x[k]))
		}
		return d
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = FromGo(x[i])
		}
		return out
	case []string:
		out := make([]any, len(x))
		for i := range x {
			out[i] = x[i]
		}
		return out
	}
	b, err := json.Marshal(v)
	if err == nil {
		if out, err := DecodeJSON(b); err == nil {
			return out
		}
	}
	return fmt.Sprint(v)
}

// ToGo converts a value into maps and slices. Order of keys is lost.
func ToGo(v any) any {
	switch x := v.(type) {
	case *Dict:
		out := make(map[string]any, len(x.keys))
		for k, e := range x.vals {
			out[k] = ToGo(e)
		}
		return out
	case []any:
		return goList(x)
	case Tuple:
		return goList(x)
	}
	return v
}

func goList(l []any) []any {
	out := make([]any, len(l))
	for i := range l {
		out[i] = ToGo(l[i])
	}
	return out
}

// Copy is a deep copy as one through JSON makes it: tuples become lists.
func Copy(v any) any {
	switch x := v.(type) {
	case *Dict:
		d := NewDict()
		for _, k := range x.keys {
			d.Set(k, Copy(x.vals[k]))
		}
		return d
	case []any:
		return copyList(x)
	case Tuple:
		return copyList(x)
	}
	return v
}

func copyList(l []any) []any {
	out := make([]any, len(l))
	for i := range l {
		out[i] = Copy(l[i])
	}
	return out
}

// Refuse ends the evaluation with Unsupported. Functions handed to Eval use it.
func Refuse(format string, args ...any) { refuse(format, args...) }

// Elements are what a loop over v would see.
func Elements(v any) []any { return iterate(v) }
