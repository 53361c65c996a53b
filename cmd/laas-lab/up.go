package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"go.yaml.in/yaml/v3"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/simlab/control"
	"stackstorm-laas/internal/simlab/lab"
	"stackstorm-laas/internal/simlab/world"
)

// realistic is how long things take in a real lab.
var realistic = world.Pace{POST: 3 * time.Minute, Boot: 2 * time.Minute, Image: 20 * time.Minute, Wipe: 90 * time.Minute, SoftOff: 30 * time.Second}

var paces = map[string]world.Pace{"fastest": fastest, "watchable": watchable, "realistic": realistic}

func upCommand() *cli.Command {
	return &cli.Command{
		Name:  "up",
		Usage: "keep a simulated lab running on loopback until interrupted, for a StackStorm of yours to work on",
		Flags: []cli.Flag{
			dirFlag,
			&cli.StringSliceFlag{Name: "jobs", Usage: "body of the dashboard's jobs/new to start with; repeat it for a lab that fits several, the first is booked", TakesFile: true},
			&cli.StringFlag{Name: "hosts", Usage: "inventory to build the lab from", TakesFile: true},
			&cli.StringFlag{Name: "dashboard", Value: "2019", Usage: "behave like the dashboard of 2019 or of 2022"},
			&cli.StringFlag{Name: "fog", Value: "1.5", Usage: "behave like FOG 1.5 or 1.6"},
			&cli.StringSliceFlag{Name: "redfish", Usage: "host whose BMC speaks Redfish instead of IPMI; may be repeated"},
			&cli.StringFlag{Name: "pace", Value: "watchable", Usage: "fastest (milliseconds), watchable (seconds) or realistic (minutes)"},
			&cli.IntFlag{Name: "port", Usage: "first of the fixed ports: dashboard, then FOG +1, LDAP +2, switches from +10, BMCs from +100, SSH from +300; 0 for free ones"},
			packFlag,
		},
		Action: runUp,
	}
}

var dirFlag = &cli.StringFlag{Name: "dir", Value: "laas-lab", Usage: "directory of the lab: configuration, inventory, keys, certificate"}

func runUp(c *cli.Context) error {
	pace, ok := paces[c.String("pace")]
	if !ok {
		return fault.New(fault.Input, "--pace is fastest, watchable or realistic, not %q", c.String("pace"))
	}
	if err := behaves(c, "dashboard", "2019", "2022"); err != nil {
		return err
	}
	if err := behaves(c, "fog", "1.5", "1.6"); err != nil {
		return err
	}
	if n := c.Int("port"); n < 0 || n > 65535-1000 {
		return fault.New(fault.Input, "--port is from 1 to %d, because others are counted from it, not %d", 65535-1000, n)
	}
	files := c.StringSlice("jobs")
	if len(files) == 0 {
		pack, err := packDir(c)
		if err != nil {
			return err
		}
		for _, name := range exampleBookings {
			files = append(files, filepath.Join(pack, name))
		}
	}
	jobs, err := bodies(files)
	if err != nil {
		return err
	}
	dir, err := filepath.Abs(c.String("dir"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fault.New(fault.Input, "%w", err)
	}
	o := lab.Options{JobsBodies: jobs, DashboardMode: c.String("dashboard"), FOGVersion: c.String("fog"), Pace: pace, Ports: fixed(c.Int("port")), Dir: dir, Redfish: c.StringSlice("redfish")}
	if name := c.String("hosts"); name != "" {
		if o.HostsFile, err = os.ReadFile(name); err != nil {
			return fault.New(fault.Input, "%w", err)
		}
	}
	l, err := lab.Start(o)
	if err != nil {
		return err
	}
	defer l.Close()
	for _, name := range o.Redfish {
		if !slices.Contains(l.World().Hosts(), name) {
			return fault.New(fault.Input, "--redfish: the lab has no host %q", name).WithHint("it has %s", strings.Join(l.World().Hosts(), ", "))
		}
	}
	if err := hand(l, dir); err != nil {
		return err
	}
	server, err := control.Serve(l, dir)
	if err != nil {
		return err
	}
	defer server.Close()
	if err := l.Deliver(jobs[0]); err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "The lab is up: %d host(s), %d switch(es). %s says how to point a StackStorm at it.\nBooked: %s. Ctrl-C ends it.\n", len(l.World().Hosts()), len(l.World().Switches()), filepath.Join(dir, "README"), filepath.Base(files[0]))
	// The dashboard looks every minute for bookings that ended and hosts that came free; the lab's minute follows its pace.
	tick := time.NewTicker(max(pace.Boot, 50*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-c.Context.Done():
			return os.Remove(filepath.Join(dir, "control.json"))
		case <-tick.C:
			l.Dashboard().Tick()
		}
	}
}

// behaves refuses a value that none of the allowed ones is.
func behaves(c *cli.Context, name string, allowed ...string) error {
	if v := c.String(name); !slices.Contains(allowed, v) {
		return fault.New(fault.Input, "--%s is %s, not %q", name, strings.Join(allowed, " or "), v)
	}
	return nil
}

func fixed(first int) lab.Ports {
	if first == 0 {
		return lab.Ports{}
	}
	return lab.Ports{Dashboard: first, FOG: first + 1, LDAP: first + 2, Switch: first + 10, BMC: first + 100, SSH: first + 300}
}

// hand writes everything that a StackStorm needs to be pointed at the lab.
func hand(l *lab.Lab, dir string) error {
	var settings strings.Builder
	enc := yaml.NewEncoder(&settings)
	enc.SetIndent(2)
	if err := enc.Encode(plainValues(l.PackConfig())); err != nil {
		return err
	}
	for name, f := range map[string]struct {
		data []byte
		mode os.FileMode
	}{
		"laas.yaml":  {[]byte(settings.String()), 0o644},
		"hosts.json": {l.HostsJSON(), 0o644},
		"keys.json":  {l.KeysJSON(), 0o600}, // holds the lab's secrets
		"README":     {[]byte(readme(dir)), 0o644},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, f.data, f.mode); err != nil {
			return fault.New(fault.Input, "%w", err)
		}
		if err := os.Chmod(path, f.mode); err != nil { // a file from before keeps its mode otherwise
			return err
		}
	}
	return nil
}

// plainValues turns the configuration into what YAML writes without Go's types.
func plainValues(v map[string]any) (out map[string]any) {
	text, err := json.Marshal(v)
	if err == nil {
		err = yaml.Unmarshal(text, &out)
	}
	if err != nil {
		return v
	}
	return out
}

func readme(dir string) string {
	return fmt.Sprintf(`This is a simulated lab. Point a StackStorm on this machine, with the laas pack installed, at it with three commands:

  st2 key load %[1]s/hosts.json && st2 key load %[1]s/keys.json
  sudo cp %[1]s/laas.yaml /opt/stackstorm/configs/laas.yaml
  sudo st2ctl reload --register-configs

The pack's sensor then finds the booking at its next poll, within a minute. Watch it in the web UI's history, or with:

  %[2]s world --dir %[1]s

Play a booking's life:

  %[2]s ctl --dir %[1]s end 1
  %[2]s ctl --dir %[1]s book FILE
  %[2]s ctl --dir %[1]s fault switch refuse --for 60s
  %[2]s ctl --dir %[1]s heal

keys.json holds the secrets of this lab, which are made anew each time it is started. The accounts of the BMCs are recorded in it
too (laas.bmc_baseline.*); in a real lab an operator does that with: st2 run laas.adopt_host host=NAME
`, dir, program())
}

// program is how this program is called from anywhere.
func program() string {
	if exe, err := os.Executable(); err == nil {
		return exe
	}
	return "laas-lab"
}
