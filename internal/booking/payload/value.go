package payload

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode"

	"github.com/tidwall/gjson"
)

// object gives the members of an object. Of a key that is there twice the last one counts, as with other JSON readers.
func object(v gjson.Result) map[string]gjson.Result {
	out := map[string]gjson.Result{}
	v.ForEach(func(key, value gjson.Result) bool {
		out[key.Str] = value
		return true
	})
	return out
}

// text reads a text, or a number as decimal text. What is missing or null is "". Not ok for anything else.
func text(v gjson.Result) (s string, ok bool) {
	switch v.Type {
	case gjson.Null:
		return "", true
	case gjson.String:
		return strings.TrimSpace(strings.ToValidUTF8(v.Str, "?")), true
	case gjson.Number:
		if _, err := strconv.ParseInt(v.Raw, 10, 64); err != nil && v.Num == math.Trunc(v.Num) && math.Abs(v.Num) < 1<<53 {
			return strconv.FormatInt(int64(v.Num), 10), true
		}
		return v.Raw, true
	}
	return "", false
}

// integer reads a whole number, also from text.
func integer(v gjson.Result) (n int, ok bool) {
	if v.Type == gjson.Null {
		return 0, false
	}
	s, ok := text(v)
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

// boolean reads true and false, also as Python or a form writes them. What is missing, null or empty is false.
func boolean(v gjson.Result) (b, ok bool) {
	switch v.Type {
	case gjson.True:
		return true, true
	case gjson.False, gjson.Null:
		return false, true
	}
	s, ok := text(v)
	switch strings.ToLower(s) {
	case "true", "1":
		return true, ok
	case "false", "0", "none", "":
		return false, ok
	}
	return false, false
}

// power reads "on" and "off" in any letter case, and booleans, which is what YAML makes of them.
func power(v gjson.Result) (s string, ok bool) {
	switch v.Type {
	case gjson.True:
		return "on", true
	case gjson.False:
		return "off", true
	}
	s, ok = text(v)
	s = strings.ToLower(s)
	return s, ok && (s == "" || s == "on" || s == "off")
}

// labToken reads what the lab left; the dashboard says the text "null" when there is nothing.
func labToken(v gjson.Result) string {
	if s, _ := text(v); s != "null" && s != "None" {
		return s
	}
	return ""
}

// printable shortens a text that someone else chose to what may stand in a message.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || strings.ContainsRune("{}%<>#", r) {
			return '?'
		}
		return r
	}, s)
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "..."
	}
	return s
}

// canonical digests members whose shape is not known: independent of their order and of white space.
func canonical(o map[string]gjson.Result) string {
	plain := map[string]any{}
	for k, v := range o {
		plain[k] = v.Value()
	}
	b, err := json.Marshal(plain)
	if err != nil { // a number that JSON knows and Go does not, like 1e999
		b = []byte("unreadable")
	}
	return digest(b)
}
