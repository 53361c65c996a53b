package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"stackstorm-laas/internal/orquesta/jinja"
)

// grace is how long output is still read after the SIGTERM of a timeout.
const grace = 200 * time.Millisecond

// process is a leaf action's process, the leader of its own session. It is known until it is gone, also when its execution
// ended before it.
type process struct{ pid int }

// script runs a leaf action of the local-shell-script runner.
func (e *Engine) script(r *run, own, settings map[string]any) (status string, result any) {
	token := newToken()
	e.mu.Lock()
	e.tokens[token] = true
	e.mu.Unlock()
	cmd, err := e.command(r, token, own, settings)
	if err == nil {
		status, result, err = e.supervise(r, cmd, token, seconds(settings["timeout"]))
	}
	if err != nil {
		e.revoke(token)
		return failed, jinja.NewDict("error", err.Error(), "traceback", "")
	}
	return status, result
}

func seconds(v any) time.Duration {
	n, _ := v.(int)
	return time.Duration(n) * time.Second
}

func (e *Engine) revoke(token string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.tokens, token)
}

// command prepares the shell that StackStorm starts: one command line, the runner's environment with the action's env and
// the API's address and token over it, and a session of its own. Here the shell gives way to the program, so that the
// process that is known is the program's.
func (e *Engine) command(r *run, token string, own, settings map[string]any) (*exec.Cmd, error) {
	file := filepath.Join(e.pack.dir, "actions", r.action.EntryPoint)
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("[Errno 2] No such file or directory: '%s'", file)
	}
	line := strings.Join(append([]string{"exec", quoteShell(file)}, arguments(r, own, settings)...), " ")
	if info.Mode()&0o111 == 0 {
		line = "chmod +x " + quoteShell(file) + " ; " + line
	}
	cmd := exec.Command("/bin/sh", "-c", line)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Dir, _ = settings["cwd"].(string)
	cmd.Env = os.Environ()
	env, _ := settings["env"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(env)) {
		value, ok := env[name].(string)
		if !ok {
			return nil, fmt.Errorf("expected str, bytes or os.PathLike object, not %s", pythonType(env[name]))
		}
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Env = append(cmd.Env, "ST2_ACTION_PACK_NAME="+r.action.Pack, "ST2_ACTION_EXECUTION_ID="+r.ID,
		"ST2_ACTION_API_URL="+e.URL(), "ST2_ACTION_AUTH_TOKEN="+token, "ST2_ACTION_DEBUG=False")
	return cmd, nil
}

// supervise starts a process and waits for its end or its timeout, which is one SIGTERM to its process group and no more:
// what ignores it lives on. The token dies with the process, or with the timeout.
func (e *Engine) supervise(r *run, cmd *exec.Cmd, token string, timeout time.Duration) (string, any, error) {
	stdout, outEnd, err := newCapture()
	if err != nil {
		return "", nil, err
	}
	defer stdout.close()
	defer outEnd.Close()
	stderr, errEnd, err := newCapture()
	if err != nil {
		return "", nil, err
	}
	defer stderr.close()
	defer errEnd.Close()
	cmd.Stdout, cmd.Stderr = outEnd, errEnd
	exited, err := e.launch(r, cmd, token)
	if err != nil {
		return "", nil, err
	}
	outEnd.Close()
	errEnd.Close()
	go stdout.read()
	go stderr.read()

	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	select {
	case <-exited:
		return outcome(cmd.ProcessState, stdout.text(ctx), stderr.text(ctx))
	case <-ctx.Done():
	}
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
	e.revoke(token)
	last, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	_, result, err := output(killed, stdout.text(last), stderr.text(last))
	if err != nil {
		return "", nil, err
	}
	result.(*jinja.Dict).Set("error", fmt.Sprintf("Action failed to complete in %d seconds", int(timeout.Seconds())))
	return timedOut, result, nil
}

// launch starts a process and makes it known, in one step for whoever kills all of them.
func (e *Engine) launch(r *run, cmd *exec.Cmd, token string) (<-chan struct{}, error) {
	e.starting.RLock()
	defer e.starting.RUnlock()
	if err := cmd.Start(); errors.Is(err, syscall.E2BIG) {
		return nil, errors.New("[Errno 7] Argument list too long: '/bin/sh'")
	} else if err != nil {
		return nil, err
	}
	return e.watch(r, cmd, token), nil
}

// watch makes a started process known until it is gone.
func (e *Engine) watch(r *run, cmd *exec.Cmd, token string) <-chan struct{} {
	p := &process{cmd.Process.Pid}
	e.mu.Lock()
	e.procs[p] = true
	r.PID = p.pid
	stopped := e.ctx.Err() != nil
	e.mu.Unlock()
	if stopped { // between the look at it and the start
		_ = syscall.Kill(-p.pid, syscall.SIGKILL)
	}
	exited := make(chan struct{})
	e.work.Add(1)
	go func() {
		defer e.work.Done()
		_ = cmd.Wait() // its state tells more
		e.mu.Lock()
		delete(e.procs, p)
		delete(e.tokens, token)
		e.mu.Unlock()
		close(exited)
	}()
	return exited
}

// PIDs are the processes of leaf actions that run, those of cancelled and timed out executions included.
func (e *Engine) PIDs() []int {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []int
	for p := range e.procs {
		out = append(out, p.pid)
	}
	slices.Sort(out)
	return out
}

// KillRunning kills the process groups of all leaf actions that run, as a crash of the machine would.
func (e *Engine) KillRunning() {
	e.starting.Lock()
	defer e.starting.Unlock()
	for _, pid := range e.PIDs() {
		_ = syscall.Kill(-pid, syscall.SIGKILL)
	}
}
