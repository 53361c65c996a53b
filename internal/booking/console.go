package booking

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ConsoleKept is how many bytes of a host's console are kept: the last ones.
const ConsoleKept = 16 << 10

// ConsoleRecord is what a host wrote to its serial console while a job waited for its imaging. It is the device's text, made printable: only people
// read it, and nothing that a workflow sees may come from it.
type ConsoleRecord struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// ConsoleLines are the lines of a console's text that have anything on them.
func ConsoleLines(text string) (lines []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, " \t\r\n"); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

const consolePrefix = "laas.console."

// ConsoleKey is where the console of a job's host is.
func ConsoleKey(job int, host string) string { return fmt.Sprintf("%s%d.%s", consolePrefix, job, host) }

// Console reads what a job's host wrote to its console; the zero value when nothing is known.
func (j Journal) Console(ctx context.Context, job int, host string) (ConsoleRecord, error) {
	var r ConsoleRecord
	_, err := get(ctx, j.Store, ConsoleKey(job, host), &r)
	return r, err
}

// SaveConsole writes what a job's host wrote to its console. Its writers, the waits for the host's imaging, follow one another.
func (j Journal) SaveConsole(ctx context.Context, job int, host, text string) error {
	return put(ctx, j.Store, ConsoleKey(job, host), ConsoleRecord{At: j.Now().UTC(), Text: text})
}

// ForgetConsole deletes what a job's host wrote to its console.
func (j Journal) ForgetConsole(ctx context.Context, job int, host string) error {
	return j.Store.Delete(ctx, ConsoleKey(job, host))
}

// ForgetOwnConsoles deletes what a host wrote to its console in the lab's own jobs but one.
func (j Journal) ForgetOwnConsoles(ctx context.Context, host string, but int) error {
	all, err := j.Store.List(ctx, consolePrefix)
	if err != nil {
		return err
	}
	for key := range all {
		number, name, _ := strings.Cut(strings.TrimPrefix(key, consolePrefix), ".")
		job, err := strconv.Atoi(number)
		if err != nil || name != host || job == but || !IsOwn(job) {
			continue
		}
		if err := j.Store.Delete(ctx, key); err != nil {
			return err
		}
	}
	return nil
}
