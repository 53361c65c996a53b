package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
	"github.com/jedib0t/go-pretty/v6/text"

	"stackstorm-laas/internal/orquesta/engine"
	"stackstorm-laas/internal/simlab/demo"
	"stackstorm-laas/internal/simlab/lab"
)

// stages are the actions on a host, in words, and how far the host is when one begins.
var stages = map[string]struct {
	words string
	from  int64
}{
	"laas.begin_imaging":    {"proving that it is off", 2},
	"laas.schedule_imaging": {"scheduling its image in FOG", 5},
	"laas.boot_to_network":  {"booting from the network", 10},
	"laas.follow_imaging":   {"imaging", 20},
	"laas.verify_host":      {"booting, proving what runs", 60},
	"laas.configure_host":   {"writing keys and interfaces", 80},
	"laas.hand_over":        {"proving it on its booked network", 90},
	"laas.release_step":     {"taking back: ", 10},
	"laas.prove_release":    {"proving that it is clean", 80},
}

// watcher shows what happens to each host while it happens: bars on a terminal, lines elsewhere.
type watcher struct {
	out   io.Writer
	on    bool
	bars  progress.Writer
	start time.Time
	done  chan struct{}
	wg    sync.WaitGroup

	mu    sync.Mutex
	hosts map[string]*tracked
}

type tracked struct {
	stage   string
	percent int
	bar     *progress.Tracker
}

func newProgress(out io.Writer, on bool) *watcher {
	w := &watcher{out: out, on: on, start: time.Now(), done: make(chan struct{}), hosts: map[string]*tracked{}}
	if f, ok := out.(*os.File); on && ok && isTerminal(f) {
		w.bars = progress.NewWriter()
		w.bars.SetOutputWriter(out)
		w.bars.SetStyle(progress.StyleBlocks)
		w.bars.Style().Options.TimeInProgressPrecision = 100 * time.Millisecond
		w.bars.Style().Options.TimeDonePrecision = 100 * time.Millisecond
		w.bars.Style().Visibility = progress.StyleVisibility{Percentage: true, Time: true, Tracker: true}
		w.bars.Style().Colors = progress.StyleColors{Message: text.Colors{text.FgCyan}, Tracker: text.Colors{text.FgGreen}}
		w.bars.SetTrackerPosition(progress.PositionRight)
		w.bars.SetMessageLength(46)
		w.bars.SetTrackerLength(24)
		w.bars.SetUpdateFrequency(80 * time.Millisecond)
	}
	return w
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "" && os.Getenv("TERM") != "dumb"
}

func (w *watcher) say(format string, args ...any) {
	line := fmt.Sprintf("%6.1fs  ", time.Since(w.start).Seconds()) + fmt.Sprintf(format, args...)
	if w.bars != nil {
		w.bars.Log("%s", line)
		return
	}
	fmt.Fprintln(w.out, line)
}

func (w *watcher) title(i, of int, file string, s *demo.Session) {
	if !w.on {
		return
	}
	if i == 0 {
		w.say("a lab with %d host(s) and %d switch(es) is up", len(s.Lab.World().Hosts()), len(s.Lab.World().Switches()))
	}
	w.say("the dashboard serves %s (%d of %d)", filepath.Base(file), i+1, of)
}

// started is told about every execution that starts.
func (w *watcher) started(e engine.Execution) {
	if !w.on {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	host, _ := e.Parameters["host"].(string)
	switch stage, ok := stages[e.Action]; {
	case ok && host != "":
		words := stage.words
		if step, ok := e.Parameters["step"].(string); ok {
			words += step
		}
		w.at(host, words, stage.from)
	case e.Action == "laas.set_ports":
		w.say("switch %v: ports %v", e.Parameters["switch"], e.Parameters["state"])
	case e.Action == "laas.claim_hosts":
		w.say("job %v: claiming its hosts", e.Parameters["job_id"])
	case e.Action == "laas.report_job":
		w.say("job %v: telling the dashboard", e.Parameters["job_id"])
	case e.Action == "laas.grant_vpn":
		w.say("VPN: making the account of task %s", last(e.Parameters["task_id"]))
	case e.Action == "laas.revoke_vpn":
		w.say("VPN: deleting the account of task %s", last(e.Parameters["task_id"]))
	}
}

// last is the end of a task's id, in which the tasks of a booking differ.
func last(id any) string {
	text := fmt.Sprint(id)
	return text[max(0, len(text)-8):]
}

// ended is told about every execution that ended; only trouble is worth a line.
func (w *watcher) ended(e engine.Execution) {
	if !w.on || e.Status == "succeeded" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	result, _ := e.Result.(map[string]any)
	stdout, _ := result["stdout"].(map[string]any)
	if problem, ok := stdout["error"].(map[string]any); ok {
		w.say("%s %s: %v", e.Action, e.Status, problem["message"])
	}
}

func (w *watcher) at(host, stage string, percent int64) {
	t := w.hosts[host]
	if t == nil {
		t = &tracked{}
		w.hosts[host] = t
	}
	t.stage, t.percent = stage, 0
	if w.bars == nil {
		w.say("%s  %s", host, stage)
		return
	}
	if t.bar == nil || t.bar.IsDone() {
		t.bar = &progress.Tracker{Total: 100}
		w.bars.AppendTracker(t.bar)
	}
	t.bar.UpdateMessage(host + "  " + stage)
	t.bar.SetValue(percent)
}

// watch follows how far hosts are imaged, which only the lab itself knows between two looks of the pack.
func (w *watcher) watch(l *lab.Lab) {
	if !w.on {
		return
	}
	if w.bars != nil {
		w.wg.Go(w.bars.Render)
	}
	w.wg.Add(1)
	go func() {
		defer w.wg.Done()
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-w.done:
				return
			case <-tick.C:
				for _, t := range l.World().Tasks() {
					w.imaged(t.Host, t.Percent)
				}
			}
		}
	}()
}

func (w *watcher) imaged(host string, percent int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.hosts[host]
	if t == nil || t.stage != "imaging" || percent <= t.percent || percent >= 100 {
		return
	}
	if w.bars != nil {
		t.percent = percent
		t.bar.UpdateMessage(fmt.Sprintf("%s  imaging %d %%", host, percent))
		t.bar.SetValue(20 + int64(percent)*40/100)
		return
	}
	if percent-t.percent >= 25 {
		t.percent = percent - percent%25
		w.say("%s  imaging %d %%", host, t.percent)
	}
}

func (w *watcher) stop() {
	if !w.on {
		return
	}
	close(w.done)
	if w.bars != nil {
		if !w.bars.IsRenderInProgress() { // stopped before the first frame: it would never hear of it
			return
		}
		w.mu.Lock()
		for host, t := range w.hosts {
			if t.bar != nil {
				t.bar.UpdateMessage(host + "  done")
				t.bar.MarkAsDone()
			}
		}
		w.mu.Unlock()
		w.bars.Stop() // draws the last frame
	}
	w.wg.Wait()
}
