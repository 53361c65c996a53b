package action

import (
	"bytes"
	"encoding/json"
	"io"

	"stackstorm-laas/internal/fault"
)

// ErrorInfo is how a failure is printed.
type ErrorInfo struct {
	Kind      fault.Kind `json:"kind"`
	Message   string     `json:"message"`
	Hint      string     `json:"hint,omitempty"`
	Retryable bool       `json:"retryable"`
}

// NewErrorInfo describes err.
func NewErrorInfo(err error) ErrorInfo {
	k := fault.KindOf(err)
	return ErrorInfo{Kind: k, Message: err.Error(), Hint: fault.HintOf(err), Retryable: k.Retryable()}
}

// write prints the one JSON document of an execution. It is the only writer of stdout.
func write(w io.Writer, result any, err error, input map[string]string) error {
	doc := result
	if err != nil {
		doc = struct {
			Error ErrorInfo `json:"error"`
		}{NewErrorInfo(err)}
	}
	text, merr := encode(doc)
	if merr != nil {
		return merr
	}
	// The parameters as they arrived come last: the web UI starts an action with the last valid value of a field, and
	// only this shows which.
	in, merr := encode(input)
	if merr != nil {
		return merr
	}
	if body := bytes.TrimSuffix(text, []byte("}")); len(body) > 1 {
		text = append(append(append(body, `,"input":`...), in...), '}')
	}
	_, werr := w.Write(append(Inert(text), '\n'))
	return werr
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

// Inert makes the delimiters of Jinja and YAQL harmless in a JSON text by putting a blank between their characters.
// Orquesta evaluates what a result holds again, so a "{{" that came from a tenant or a device would be executed.
// Outside of strings JSON has none of these pairs.
func Inert(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for i, c := range text {
		out = append(out, c)
		if i+1 == len(text) {
			break
		}
		next := text[i+1]
		if c == '{' && (next == '{' || next == '%' || next == '#') || c == '<' && next == '%' {
			out = append(out, ' ')
		}
	}
	return out
}
