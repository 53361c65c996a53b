package world

import (
	"errors"
	"time"
)

// phase is what a host is doing.
type phase int

const (
	phaseOff      phase = iota
	phasePOST           // firmware tests
	phaseSetup          // firmware set-up; stays until somebody resets the host
	phaseFOG            // booted into FOG, working on a task
	phaseBooting        // operating system starts
	phaseUp             // operating system runs
	phaseStopping       // operating system shuts down
	phaseStuck          // nothing bootable was found
)

func (p phase) String() string {
	return [...]string{"off", "in POST", "in the firmware set-up", "in FOG", "booting", "up", "shutting down", "on, with nothing to boot"}[p]
}

// Boot is a boot override as a BMC keeps it. Device is pxe, disk, bios or none.
type Boot struct {
	Device          string
	Persistent, EFI bool
}

type host struct {
	name  string
	nics  []NIC
	phase phase
	// run counts what interrupts a host. A timer that was set in an earlier run has nothing to say any more.
	run int
	// starts counts the power-ups and restarts.
	starts int
	boot   Boot
	disk   disk
	// assigned is the id of the image that FOG would write next; 0 for none.
	assigned              int
	diskModel, diskSerial string
	troubles              []*Trouble
	hardware              []HardwareEvent
	names                 []string // of its interfaces, since the operating system started
	links                 []link   // network configuration in force; of the running system only
	console               console
}

// ErrOff is the answer to a cycle or reset of a host that is off.
var ErrOff = errors.New("the host is off")

// after lets f happen to the host after d, unless the host is interrupted before. The world is locked when f runs.
func (w *World) after(h *host, d time.Duration, f func()) {
	run := h.run
	time.AfterFunc(d, func() {
		defer w.change()()
		if h.run == run {
			f()
		}
	})
}

// stop interrupts whatever the host does. A task it was working on stays as it is.
func (w *World) stop(h *host) {
	h.run++
	h.phase, h.links = phaseOff, nil
	for _, t := range w.tasks {
		if t.Host == h.name {
			t.stall()
		}
	}
}

// start powers up: POST, then boot.
func (w *World) start(h *host) {
	h.run++
	h.starts++
	h.phase = phasePOST
	h.say("Power-on self-test of %s", h.name)
	w.after(h, w.pace.POST, func() { w.bootHost(h) })
}

func (w *World) restart(h *host) {
	w.stop(h)
	w.start(h)
}

// act runs f on a host with the world locked.
func (w *World) act(name string, f func(*host) error) error {
	defer w.change()()
	h, err := w.find(name)
	if err != nil {
		return err
	}
	return f(h)
}

// PowerOn switches the host on; nothing happens to one that is on.
func (w *World) PowerOn(name string) error {
	return w.act(name, func(h *host) error {
		if h.phase == phaseOff {
			h.console.on = h.console.gone + len(h.console.text)
			w.start(h)
		}
		return nil
	})
}

// PowerOff takes the power away at once.
func (w *World) PowerOff(name string) error {
	return w.act(name, func(h *host) error {
		w.stop(h)
		return nil
	})
}

// SoftOff asks the operating system to shut down. Without one that runs, nobody listens.
func (w *World) SoftOff(name string) error {
	return w.act(name, func(h *host) error {
		if h.phase == phaseUp {
			h.run++
			h.phase = phaseStopping
			h.say("\r\nsystemd-shutdown: Powering off.")
			w.after(h, w.pace.SoftOff, func() { w.stop(h) })
		}
		return nil
	})
}

// Reset starts the host again without its operating system's knowledge.
func (w *World) Reset(name string) error {
	return w.act(name, func(h *host) error {
		if h.phase == phaseOff {
			return ErrOff
		}
		w.restart(h)
		return nil
	})
}

// Cycle takes the power away and gives it back.
func (w *World) Cycle(name string) error { return w.Reset(name) }

// Reboot is what the operating system does when told to; it fails unless the host is up.
func (w *World) Reboot(name string) error {
	return w.act(name, func(h *host) error {
		if h.phase != phaseUp {
			return errors.New("the host is " + h.phase.String())
		}
		h.run++
		h.phase = phaseStopping
		h.say("\r\nsystemd-shutdown: Rebooting.")
		w.after(h, w.pace.SoftOff, func() { w.restart(h) })
		return nil
	})
}

// Power says whether the host is on.
func (w *World) Power(name string) (on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.hosts[name]
	return h != nil && h.phase != phaseOff
}

// Starts counts how often the host has started, whatever made it start.
func (w *World) Starts(name string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if h := w.hosts[name]; h != nil {
		return h.starts
	}
	return 0
}

// SetBoot sets the boot override.
func (w *World) SetBoot(name string, b Boot) error {
	return w.act(name, func(h *host) error {
		h.boot = b
		return nil
	})
}

// GetBoot reads the boot override; its device is "none" when there is none.
func (w *World) GetBoot(name string) Boot {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.hosts[name]
	if h == nil || h.boot.Device == "" {
		return Boot{Device: "none"}
	}
	return h.boot
}
