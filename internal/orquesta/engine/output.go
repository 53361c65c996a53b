package engine

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"unicode/utf8"

	"stackstorm-laas/internal/orquesta/jinja"
)

// killed is the return code of an action that StackStorm sent a signal to.
const killed = -9

// outcome makes the status and result of a process that ended by itself or by a signal, which counts as a shell counts it.
func outcome(state *os.ProcessState, stdout, stderr string) (string, any, error) {
	code := state.ExitCode()
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		code = 128 + int(ws.Signal())
	}
	return output(code, stdout, stderr)
}

// output is the result as the runner makes it. Text that is not UTF-8 costs the whole result.
func output(code int, stdout, stderr string) (string, any, error) {
	if !utf8.ValidString(stdout) || !utf8.ValidString(stderr) {
		return "", nil, errors.New("'utf-8' codec can't decode bytes of the output")
	}
	status := failed
	if code == 0 {
		status = succeeded
	}
	return status, jinja.NewDict("failed", code != 0, "succeeded", code == 0, "return_code", code,
		"stdout", parsed(stdout), "stderr", parsed(stderr)), nil
}

// parsed is the value of a text that is exactly one JSON value; other text stays, without its last newline.
func parsed(text string) any {
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	if v, err := jinja.DecodeJSON([]byte(text)); err == nil {
		return v
	}
	return text
}

// capture collects what is written to a pipe.
type capture struct {
	r    *os.File
	done chan struct{}
	mu   sync.Mutex
	buf  bytes.Buffer
}

// newCapture makes a pipe; the caller closes the end for writing.
func newCapture() (*capture, *os.File, error) {
	r, w, err := os.Pipe()
	return &capture{r: r, done: make(chan struct{})}, w, err
}

// read collects until all writers are gone or the pipe is closed.
func (c *capture) read() {
	defer close(c.done)
	_, _ = io.Copy(c, c.r)
}

func (c *capture) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.buf.Write(b)
}

// text waits for the end of the output, or for ctx, and gives what there is.
func (c *capture) text(ctx context.Context) string {
	select {
	case <-c.done:
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.buf.String()
}

func (c *capture) close() { _ = c.r.Close() }
