package pack

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/testreal"
)

// machine is a StackStorm machine as far as ./setup.sh install sees one: the commands it calls, and files.
type machine struct{ dir, clone string }

// commands stand in for StackStorm's, and for a Go that builds at once. Keys are files in the folder kv.
var commands = map[string]string{
	"go": `case $1 in version) echo go version go1.99 linux/amd64 ;; env) echo amd64 ;;
build) while [ "$1" != -o ]; do shift; done; printf '#!/bin/sh\nexit 0\n' >"$2"; chmod +x "$2" ;; esac`,
	"st2": `case "$1 $2" in
"key list") echo '[]' ;;
"key get") if [ -e "$LAB/kv/$3" ]; then echo "{\"name\": \"$3\"}"; else echo "Key Value Pair \"$3\" is not found."; exit 2; fi ;;
"key load") python3 -c 'import json, sys
for e in json.load(open(sys.argv[1])): open(sys.argv[2] + e["name"], "w").write(e["value"])' "$3" "$LAB/kv/" ;;
"run packs.setup_virtualenv") echo "status: ${VIRTUALENV:-succeeded}" ;;
*) exit 1 ;; esac`,
	"st2ctl": `echo "$@" >"$LAB/registered"`,
}

func newMachine(t *testing.T, conf string) machine {
	t.Helper()
	testreal.Need(t, "python3")
	m := machine{dir: t.TempDir()}
	m.clone = filepath.Join(m.dir, "clone")
	git(t, "clone", "-q", "--no-hardlinks", strings.TrimSpace(git(t, "rev-parse", "--show-toplevel")), m.clone)
	for _, folder := range []string{"path", "packs", "configs", "kv"} {
		require.NoError(t, os.Mkdir(filepath.Join(m.dir, folder), 0o755))
	}
	for name, script := range commands {
		require.NoError(t, os.WriteFile(filepath.Join(m.dir, "path", name), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	}
	m.write(t, "st2.conf", conf)
	return m
}

func (m machine) write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(m.dir, path)), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(m.dir, path), []byte(text), 0o644))
}

func (m machine) read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(m.dir, path))
	require.NoError(t, err)
	return string(text)
}

// install runs ./setup.sh install.
func (m machine) install(env ...string) (output string, err error) {
	cmd := exec.Command(filepath.Join(m.clone, "setup.sh"), "install")
	cmd.Env = append(os.Environ(), "LAB="+m.dir, "PATH="+filepath.Join(m.dir, "path")+":"+os.Getenv("PATH"), "ST2_PACKS_DIR="+filepath.Join(m.dir, "packs"),
		"ST2_CONFIGS_DIR="+filepath.Join(m.dir, "configs"), "ST2_CONFIG_PATH="+filepath.Join(m.dir, "st2.conf"))
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestTheDemoSaysThatPythonIsMissingBeforeAnythingIsBuilt(t *testing.T) {
	tools := t.TempDir()
	for _, name := range []string{"bash", "uname", "awk", "dirname"} {
		path, err := exec.LookPath(name)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(path, filepath.Join(tools, name)))
	}
	for _, command := range []string{"demo", "bench"} {
		cmd := exec.Command(filepath.Join(tools, "bash"), "setup.sh", command)
		cmd.Dir, cmd.Env = root, []string{"PATH=" + tools}
		out, err := cmd.CombinedOutput()
		assert.Error(t, err)
		assert.Equal(t, "setup.sh: Python 3 is not installed; the sensor needs it.\n          On Debian: apt-get install python3\n", string(out))
	}
}

const goodConf = "[coordination]\nurl = redis://127.0.0.1:6379\n\n[keyvalue]\nencryption_key_path = /etc/st2/keys/datastore_key.json\n"

func TestInstallPutsThePackInPlaceAndSaysWhatIsLeftToDo(t *testing.T) {
	m := newMachine(t, goodConf)
	output, err := m.install()
	require.NoError(t, err, output)
	for _, path := range []string{"pack.yaml", "actions/run.sh", "actions/workflows", "bin/laas", "bin/laas-lab"} {
		_, err := os.Lstat(filepath.Join(m.dir, "packs/laas", path))
		assert.NoError(t, err)
	}
	assert.Contains(t, m.read(t, "registered"), "reload --register-all")
	assert.Equal(t, `["hpe13", "hpe14"]`, m.read(t, "kv/hosts"))
	for _, todo := range []string{"laas.yaml.example", "is the example lab", "st2 key set lab_auth_token", "st2 key set login_bmc_hpe13", "laas.secret.ssh.lab",
		"st2 key set login_switch_192.0.2.2", "st2 run laas.adopt_host host=hpe14"} {
		assert.Contains(t, output, todo)
	}
}

func TestASecondInstallKeepsLiveKeysAndOtherMachinesPrograms(t *testing.T) {
	m := newMachine(t, goodConf)
	m.write(t, "kv/hpe13", "live")
	m.write(t, "kv/lab_auth_token", "live")
	m.write(t, "packs/laas/bin/laas-riscv64", "program")
	m.write(t, "packs/laas/actions/gone.yaml", "of an older version")
	output, err := m.install()
	require.NoError(t, err, output)
	assert.Equal(t, "live", m.read(t, "kv/hpe13"))
	assert.NotEqual(t, "live", m.read(t, "kv/hpe14"))
	assert.Contains(t, output, "left as they are in the datastore: hpe13\n")
	assert.NotContains(t, output, "st2 key set lab_auth_token", "what is there already is not asked for")
	assert.Equal(t, "program", m.read(t, "packs/laas/bin/laas-riscv64"))
	assert.NoFileExists(t, filepath.Join(m.dir, "packs/laas/actions/gone.yaml"))
	left, err := os.ReadDir(filepath.Join(m.dir, "packs"))
	require.NoError(t, err)
	assert.Len(t, left, 1, "nothing but the pack is left behind")
}

func TestInstallChangesNothingWhereThePackCouldNotWork(t *testing.T) {
	for name, c := range map[string]struct{ conf, text string }{
		"there is no coordination backend": {"[coordination]\n# url = redis://127.0.0.1\n[messaging]\nurl = amqp://127.0.0.1\n", "no coordination backend"},
		"secrets cannot be encrypted":      {"[coordination]\nurl = redis://127.0.0.1\n", "no key to encrypt secrets"},
		"the configuration is empty":       {"", "no coordination backend"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, c.conf)
			output, err := m.install()
			require.Error(t, err)
			assert.Contains(t, output, c.text)
			left, err := os.ReadDir(filepath.Join(m.dir, "packs"))
			require.NoError(t, err)
			assert.Empty(t, left)
		})
	}
}

func TestInstallTellsWhatStackStormCouldNotDo(t *testing.T) {
	m := newMachine(t, goodConf)
	output, err := m.install("VIRTUALENV=failed")
	require.Error(t, err)
	assert.Contains(t, output, "could not make the pack's virtualenv")
	assert.NoFileExists(t, filepath.Join(m.dir, "registered"))
}
