package engine

import (
	"bufio"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"io"
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

// PollSensor lets the pack's sensor poll once, in Python, as StackStorm's sensor container would: with the resolved configuration and a sensor_service
// on this engine's API. Its process goes on to the next poll, until the configuration changes or it ends with an exception. What the sensor logs goes to
// Config.Log; only a sensor that could not run or ended with an exception is an error. Executions that it led to may still run.
func (e *Engine) PollSensor(ctx context.Context) error {
	if e.pack.sensor == nil {
		return fault.New(fault.Input, "the pack has no sensor")
	}
	given, err := e.sensorsWork()
	if err != nil {
		return err
	}
	e.polling.Lock()
	defer e.polling.Unlock()
	if e.watcher != nil && e.watcher.given != given {
		e.watcher.end()
		e.watcher = nil
	}
	if e.watcher == nil {
		if e.watcher, err = e.startSensor(given); err != nil {
			return err
		}
	}
	w := e.watcher
	defer context.AfterFunc(ctx, w.kill)()
	if last, polled := w.poll(e); !polled {
		e.watcher = nil
		return fault.New(fault.Failed, "poll with %s: %w: %s", e.pack.sensor.EntryPoint, errors.Join(w.end(), ctx.Err()), last)
	}
	return nil
}

// sensorsWork is what the sensor's process is told to run.
func (e *Engine) sensorsWork() (string, error) {
	s := e.pack.sensor
	config, err := e.resolvedConfig()
	if err != nil {
		return "", fault.New(fault.Config, "%w", err)
	}
	given, err := json.Marshal(map[string]any{"pack": e.pack.Ref, "class_name": s.ClassName, "config": config, "triggers": s.TriggerTypes,
		"file_path": filepath.Join(e.pack.dir, "sensors", s.EntryPoint), "poll_interval": s.PollInterval})
	if err != nil {
		return "", fault.New(fault.Internal, "%w", err)
	}
	return string(given), nil
}

// watcher is the process of the sensor.
type watcher struct {
	given string
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Scanner
	close func()
}

func (e *Engine) startSensor(given string) (*watcher, error) {
	python, err := exec.LookPath("python3")
	if err != nil {
		return nil, fault.New(fault.Config, "the sensor needs python3: %w", err).WithHint("install python3")
	}
	dir, err := unpack(st2reactor, "st2reactor")
	if err != nil {
		return nil, fault.New(fault.Failed, "unpack the sensor's surroundings: %w", err)
	}
	token := newToken()
	e.mu.Lock()
	e.tokens[token] = true
	e.mu.Unlock()
	w := &watcher{given: given, cmd: exec.Command(python, "-m", "st2reactor")}
	w.close = func() {
		e.revoke(token)
		_ = os.RemoveAll(dir)
	}
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	w.cmd.Env = append(os.Environ(), "PYTHONPATH="+dir, "PYTHONDONTWRITEBYTECODE=1", "ST2_API_URL="+e.URL(), "ST2_AUTH_TOKEN="+token)
	out, err := w.cmd.StderrPipe()
	if err == nil {
		w.in, err = w.cmd.StdinPipe()
	}
	if err == nil {
		err = w.cmd.Start()
	}
	if err != nil {
		w.close()
		return nil, fault.New(fault.Failed, "start the sensor: %w", err)
	}
	w.out = bufio.NewScanner(out)
	_, _ = io.WriteString(w.in, given+"\n") // if it has ended already, the poll says so
	return w, nil
}

// poll returns when the sensor has polled, or has ended: last is then the last thing that it said beside its log, the end of a traceback.
func (w *watcher) poll(e *Engine) (last string, polled bool) {
	_, _ = io.WriteString(w.in, "\n")
	for w.out.Scan() {
		var line struct {
			Level, Message string
			Polled         bool
		}
		switch {
		case json.Unmarshal(w.out.Bytes(), &line) != nil:
			last = w.out.Text()
		case line.Polled:
			return "", true
		default:
			level := map[string]slog.Level{"INFO": slog.LevelInfo, "WARNING": slog.LevelWarn, "ERROR": slog.LevelError}[line.Level]
			e.log.Log(context.Background(), level, line.Message, "from", "sensor")
		}
	}
	return last, false
}

// kill ends the process and those that it started.
func (w *watcher) kill() { _ = syscall.Kill(-w.cmd.Process.Pid, syscall.SIGKILL) }

// end takes leave of the process, in whatever state it is.
func (w *watcher) end() error {
	defer w.close()
	w.kill()
	return w.cmd.Wait()
}

// endSensor ends the sensor's process, if there is one.
func (e *Engine) endSensor() {
	e.polling.Lock()
	defer e.polling.Unlock()
	if e.watcher != nil {
		_ = e.watcher.end()
		e.watcher = nil
	}
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
