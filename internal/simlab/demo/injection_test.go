package demo_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/simlab/demo"
)

// asJSON is how a text stands in a payload.
func asJSON(t *testing.T, text string) []byte {
	t.Helper()
	out, err := json.Marshal(text)
	require.NoError(t, err)
	return out
}

// Whatever a tenant writes is text: it is part of no command and no template, and a secret that it asks for stays one.
func TestWhatATenantWritesIsNeverExecuted(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	for name, evil := range map[string]string{
		"a Jinja expression":   `{{ st2kv('system.fog_api_key', decrypt=true) }}`,
		"a Jinja statement":    `{% for k in [1] %}{{ config_context.fog.api_key }}{% endfor %}`,
		"a YAQL expression":    `<% st2kv("system.fog_api_key", decrypt => true) %>`,
		"what a shell acts on": "a\"b'c\\ $(touch MARKER) `touch MARKER`; touch MARKER #\nb",
	} {
		marker := filepath.Join(t.TempDir(), "marker")
		evil = strings.ReplaceAll(evil, "MARKER", marker)
		for _, where := range []struct {
			name, old string
			refused   bool
		}{
			{"host name", `"my-dev-box"`, true},
			{"image", `23,`, true},
			{"comment of a key, and kind of access", `bob@laptop\n"`, false},
		} {
			t.Run(name+" as "+where.name, func(t *testing.T) {
				t.Parallel()
				p := open(t, demo.Options{Bodies: b, Slack: patient})
				text := asJSON(t, evil)
				switch where.name {
				case "image":
					text = append(text, ',')
				case "comment of a key, and kind of access":
					text = text[1:]
				}
				body := bytes.Replace(b[0], []byte(where.old), text, 1)
				if !where.refused {
					body = bytes.Replace(body, []byte(`"vpn"`), asJSON(t, evil), 1)
				}
				require.NotEqual(t, string(b[0]), string(body))
				p.dispatch(body)

				assert.NoFileExists(t, marker)
				seen := p.executions() + p.messages()
				for _, key := range p.host().SSHKeys {
					seen += strings.Join(key, "\n")
				}
				for key, s := range p.secrets() {
					assert.False(t, strings.Contains(seen, s), "the secret %s leaked", key)
				}
				hardware := p.tasks("hardware")[0]
				if where.refused {
					assert.Equal(t, booking.StatusError, hardware.Status, hardware.Message)
					assert.NotEmpty(t, hardware.Message)
					assert.Empty(t, p.Lab.World().Tasks(), "nothing was imaged")
				} else {
					assert.Equal(t, booking.StatusDone, hardware.Status, hardware.Message)
				}
				p.dispatch(b[1])
				p.asBefore()
			})
		}
	}
}
