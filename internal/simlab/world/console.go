package world

import (
	"cmp"
	"fmt"
)

// consoleKept is how many bytes of a serial console are remembered.
const consoleKept = 64 << 10

// console is what a host has written to its serial port.
type console struct {
	text []byte
	// gone is how many bytes were written before text, and on where those begin that were written since the host was last switched on.
	gone, on int
	// told is the percentage of the present task that was written last.
	told int
}

// say lets a host write a line to its serial port.
func (h *host) say(format string, args ...any) {
	h.console.write(fmt.Sprintf(format, args...) + "\r\n")
}

func (c *console) write(text string) {
	c.text = append(c.text, text...)
	if cut := len(c.text) - consoleKept; cut > 0 {
		c.text, c.gone = append([]byte(nil), c.text[cut:]...), c.gone+cut
	}
}

// Say lets a host write something to its serial port.
func (w *World) Say(name, text string) error {
	return w.act(name, func(h *host) error {
		h.console.write(text)
		return nil
	})
}

// Console gives what a host wrote to its serial port from a position on, and the position behind it. Nothing is given of before the host was last
// switched on.
func (w *World) Console(name string, from int) (text []byte, next int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.hosts[name]
	if h == nil {
		return nil, from
	}
	w.sayProgress(h)
	c := &h.console
	from = max(from, c.gone, c.on)
	return append([]byte(nil), c.text[from-c.gone:]...), c.gone + len(c.text)
}

// sayProgress writes how far the host is with its task, over what it wrote of that before, as Partclone does.
func (w *World) sayProgress(h *host) {
	t := w.activeTask(h.name)
	if t == nil || h.phase != phaseFOG || t.writing.IsZero() || wipes[t.Type] != "" {
		return
	}
	if p := t.progress() / 10 * 10; p > h.console.told {
		h.console.told = p
		h.console.write(fmt.Sprintf("\rElapsed: 00:00:%02d, Completed: %3d.00%%", p/10, p))
	}
}

// sayLogin is what a system shows when it is up.
func (h *host) sayLogin() {
	name := cmp.Or(firstLine(h.disk.fs, "/etc/hostname"), "localhost")
	h.say("\r\n%s %s %s ttyS0\r\n", h.disk.image.OS, h.disk.image.Version, name)
	h.console.write(name + " login: ")
}
