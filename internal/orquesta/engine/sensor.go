package engine

import (
	"bufio"
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"stackstorm-laas/internal/fault"
)

// st2reactor stands in for the Python package that StackStorm's sensors are written against.
//
//go:embed all:st2reactor
var st2reactor embed.FS

// sensor is the pack's sensor as its metadata declares it.
type sensor struct {
	ClassName    string  `json:"class_name"`
	EntryPoint   string  `json:"entry_point"`
	PollInterval float64 `json:"poll_interval"`
	TriggerTypes []struct {
		Name          string `json:"name"`
		PayloadSchema schema `json:"payload_schema"`
	} `json:"trigger_types"`
}

func (l *loader) loadSensor(file string) {
	s := &sensor{}
	if !l.read(file, s) {
		return
	}
	if l.sensor != nil {
		l.add(file, "a second sensor is not supported")
	}
	l.sensor = s
	for _, t := range s.TriggerTypes {
		l.triggers[l.Ref+"."+t.Name] = jsonable(t.PayloadSchema).(map[string]any)
	}
}

// PollSensor runs the pack's sensor for one poll, in Python, as StackStorm's sensor container would: with the resolved
// configuration and a sensor_service on this engine's API. What the sensor logs goes to Config.Log; only a sensor that could not run
// or ended with an exception is an error. Executions that it led to may still run.
func (e *Engine) PollSensor(ctx context.Context) error {
	s := e.pack.sensor
	if s == nil {
		return fault.New(fault.Input, "the pack has no sensor")
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		return fault.New(fault.Config, "the sensor needs python3: %w", err).WithHint("install python3")
	}
	dir, err := unpack(st2reactor, "st2reactor")
	if err != nil {
		return fault.New(fault.Failed, "unpack the sensor's surroundings: %w", err)
	}
	defer os.RemoveAll(dir)
	config, err := e.resolvedConfig()
	if err != nil {
		return fault.New(fault.Config, "%w", err)
	}
	given, err := json.Marshal(map[string]any{"pack": e.pack.Ref, "class_name": s.ClassName, "config": config, "triggers": s.TriggerTypes,
		"file_path": filepath.Join(e.pack.dir, "sensors", s.EntryPoint), "poll_interval": s.PollInterval})
	if err != nil {
		return fault.New(fault.Internal, "%w", err)
	}
	token := newToken()
	e.mu.Lock()
	e.tokens[token] = true
	e.mu.Unlock()
	defer e.revoke(token)

	cmd := exec.CommandContext(ctx, python, "-m", "st2reactor")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Env = append(os.Environ(), "PYTHONPATH="+dir, "PYTHONDONTWRITEBYTECODE=1", "ST2_API_URL="+e.URL(), "ST2_AUTH_TOKEN="+token)
	cmd.Stdin = bytes.NewReader(given)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err = cmd.Run()
	last := e.logSensor(&stderr)
	if err != nil {
		return fault.New(fault.Failed, "poll with %s: %w: %s", s.EntryPoint, err, last)
	}
	return nil
}

// logSensor passes on what the sensor logged and gives the last line that is something else, the end of a traceback.
func (e *Engine) logSensor(stderr *bytes.Buffer) (last string) {
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		var line struct{ Level, Message string }
		if json.Unmarshal(lines.Bytes(), &line) != nil {
			last = lines.Text()
			continue
		}
		level := map[string]slog.Level{"INFO": slog.LevelInfo, "WARNING": slog.LevelWarn, "ERROR": slog.LevelError}[line.Level]
		e.log.Log(context.Background(), level, line.Message, "from", "sensor")
	}
	return last
}

// unpack writes embedded files below a new temporary directory.
func unpack(files fs.FS, root string) (string, error) {
	dir, err := os.MkdirTemp("", "laas-st2reactor-")
	if err != nil {
		return "", err
	}
	err = fs.WalkDir(files, root, func(path string, d fs.DirEntry, err error) error {
		target := filepath.Join(dir, strings.TrimPrefix(path, root))
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		text, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, text, 0o644)
	})
	return dir, err
}
