// Package secret holds values that must never be shown: passwords, tokens, private keys.
package secret

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

const redacted = "**redacted**"

// String is a text that prints, logs and marshals as "**redacted**". Only Reveal gives the value.
type String struct{ value string }

// New wraps a value.
func New(value string) String { return String{value} }

// Reveal gives the value. Call it where it goes out on the wire, nowhere else.
func (s String) Reveal() string { return s.value }

// IsZero says whether there is no value.
func (s String) IsZero() bool { return s.value == "" }

// Format makes every verb print the redacted form.
func (s String) Format(f fmt.State, _ rune) {
	if s.value != "" {
		fmt.Fprint(f, redacted)
	}
}

// LogValue is what slog shows.
func (s String) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON never writes the value.
func (s String) MarshalJSON() ([]byte, error) {
	if s.value == "" {
		return []byte(`""`), nil
	}
	return json.Marshal(redacted)
}

// UnmarshalJSON reads the value.
func (s *String) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &s.value) }
