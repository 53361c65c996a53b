package demo_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/simlab/demo"
)

// buffer is a log that several goroutines write to.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// secrets are the texts that nobody may find, by the name of the key they are kept under.
func (p *play) secrets() map[string]string {
	p.t.Helper()
	var keys []struct {
		Name, Value string
		Secret      bool
	}
	require.NoError(p.t, json.Unmarshal(p.Lab.KeysJSON(), &keys))
	out := map[string]string{}
	for _, k := range keys {
		var login struct{ Password string }
		switch {
		case !k.Secret:
		case json.Unmarshal([]byte(k.Value), &login) == nil && login.Password != "":
			out[k.Name] = login.Password
		case strings.Contains(k.Value, "PRIVATE KEY"):
			out[k.Name] = strings.Split(k.Value, "\n")[3]
		default:
			out[k.Name] = k.Value
			out[k.Name+" in base64"] = strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(k.Value)), "=")
		}
	}
	require.Greater(p.t, len(out), 8)
	return out
}

// executions is everything that StackStorm shows of its executions and keys.
func (p *play) executions() string {
	p.t.Helper()
	text, err := json.Marshal(map[string]any{"executions": p.Engine.Executions(), "datastore": p.Engine.Keys().List("")})
	require.NoError(p.t, err)
	return string(text)
}

// arguments watches the arguments of all processes of this machine until ctx ends.
func arguments(ctx context.Context) <-chan string {
	out := make(chan string, 1)
	go func() {
		seen := map[string]bool{}
		tick := time.NewTicker(3 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				var all []string
				for line := range seen {
					all = append(all, strings.ReplaceAll(line, "\x00", " "))
				}
				out <- strings.Join(all, "\n")
				return
			case <-tick.C:
			}
			names, _ := filepath.Glob("/proc/[0-9]*/cmdline")
			for _, name := range names {
				text, _ := os.ReadFile(name)
				seen[string(text)] = true
			}
		}
	}()
	return out
}

func TestNoSecretIsEverSeen(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	log := &buffer{}
	p := open(t, demo.Options{Bodies: b, Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	ctx, stop := context.WithCancel(t.Context())
	processes := arguments(ctx)
	p.deliver(b[0])
	secrets := p.secrets()
	for _, task := range p.tasks("") {
		if strings.Contains(task.Message, "password") {
			name, word := login(t, task.Message)
			secrets[name] = word
		}
	}
	require.Contains(t, secrets, "OPNFV")
	require.Contains(t, secrets, "laas-1-2")
	halfway := p.executions()
	p.deliver(b[1])
	stop()

	argv := <-processes
	require.Contains(t, argv, "--action=follow_imaging", "processes were watched")
	require.Contains(t, log.String(), "dispatched", "the sensor's log was read")
	for where, text := range map[string]string{
		"executions and plain keys, half way": halfway, "executions and plain keys": p.executions(), "arguments of processes": argv, "logs": log.String(),
	} {
		for name, s := range secrets {
			assert.False(t, strings.Contains(text, s), "%s: there is the secret %s", where, name)
		}
	}
}
