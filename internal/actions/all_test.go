package actions

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
)

// Every action ends itself before StackStorm does, even with the longest waits that the configuration allows.
func TestTimeoutsCoverTheMaximaOfTheConfiguration(t *testing.T) {
	for _, a := range All() {
		assert.Greater(t, time.Duration(a.Timeout())*time.Second, a.Budget(config.Maxima()), a.Name)
		assert.Less(t, a.Timeout(), 48*3600, "%s: a timeout of two days is none", a.Name)
	}
}

func TestDeclarationsFollowTheRules(t *testing.T) {
	word := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	for _, a := range All() {
		assert.Regexp(t, word, a.Name)
		assert.NotEmpty(t, a.Description, a.Name)
		for _, p := range a.Params {
			assert.Regexp(t, word, p.Name)
			assert.NotEmpty(t, p.Description, "%s.%s", a.Name, p.Name)
			assert.NotContains(t, []string{"timeout", "limit", "action", "env", "cwd", "sudo", "debug"}, p.Name, a.Name)
			for _, secret := range []string{"password", "token", "secret", "key"} {
				assert.NotContains(t, p.Name, secret, "%s: a secret is never a parameter", a.Name)
			}
			if p.Type == action.Boolean {
				assert.Nil(t, p.Default, "%s.%s: StackStorm cannot pass false", a.Name, p.Name)
			}
		}
	}
}

// What comes new into the list of steps must be in the workflow too, in the same order.
func TestTheWorkflowDoesTheStepsOfARelease(t *testing.T) {
	text, err := os.ReadFile("../../workflows/release_host.yaml")
	require.NoError(t, err)
	var inWorkflow, listed []string
	for _, m := range regexp.MustCompile(`(?m)^      step: (\w+)$`).FindAllStringSubmatch(string(text), -1) {
		inWorkflow = append(inWorkflow, m[1])
	}
	for _, s := range booking.ReleaseSteps {
		if !s.Apart && !s.Rewired {
			listed = append(listed, s.Name)
		}
		assert.NotNil(t, steps(&hostRun{})[s.Name], s.Name)
	}
	assert.Equal(t, listed, inWorkflow)

	text, err = os.ReadFile("../../workflows/process_job.yaml")
	require.NoError(t, err)
	for _, s := range booking.ReleaseSteps {
		if s.Rewired {
			assert.Contains(t, string(text), "\n      step: "+s.Name+"\n")
		}
	}
}

func TestOwnName(t *testing.T) {
	for name, c := range map[string]struct{ hosts, name, want string }{
		"an empty file":          {"", "box", "\n127.0.1.1\tbox\n"},
		"an entry of the image":  {"127.0.0.1 localhost\n127.0.1.1 image\n", "box", "127.0.0.1 localhost\n127.0.1.1\tbox\n"},
		"a name with its domain": {"127.0.0.1 localhost\n", "box.example", "127.0.0.1 localhost\n127.0.1.1\tbox.example box\n"},
		"twice is once":          {"127.0.0.1 localhost\n127.0.1.1\tbox\n", "box", "127.0.0.1 localhost\n127.0.1.1\tbox\n"},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, string(ownName([]byte(c.hosts), c.name))) })
	}
}

func TestPasswordsAreRandomAndHoldOneOfEachKind(t *testing.T) {
	seen := map[string]bool{}
	for range 50 {
		p, err := newPassword(16)
		require.NoError(t, err)
		text := p.Reveal()
		assert.Len(t, text, 16)
		assert.True(t, strings.ContainsAny(text, "ABCDEFGHJKLMNPQRSTUVWXYZ") && strings.ContainsAny(text, "abcdefghijkmnopqrstuvwxyz") && strings.ContainsAny(text, "23456789"))
		assert.False(t, seen[text])
		seen[text] = true
	}
}
