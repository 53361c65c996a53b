package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/secret"
)

func TestASecretIsNeverShown(t *testing.T) {
	type holder struct {
		Name string
		Pass secret.String
	}
	h := holder{"lab", secret.New("s3cr3t")}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		fmt.Fprintf(&out, verb+"\n", h)
		fmt.Fprintf(&out, verb+"\n", h.Pass)
		fmt.Fprintf(&out, verb+"\n", &h)
	}
	text, err := json.Marshal(h)
	require.NoError(t, err)
	out.Write(text)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("hello", "pass", h.Pass, "holder", h)
	fmt.Fprint(&out, fmt.Errorf("login with %v: %w", h.Pass, fmt.Errorf("%s", h.Pass)))
	assert.NotContains(t, out.String(), "s3cr3t")
	assert.Contains(t, out.String(), "redacted")
}

func TestASecretIsReadAndRevealed(t *testing.T) {
	var s secret.String
	require.NoError(t, json.Unmarshal([]byte(`"s3cr3t"`), &s))
	assert.Equal(t, "s3cr3t", s.Reveal())
	assert.False(t, s.IsZero())
	assert.True(t, secret.New("").IsZero())
}
