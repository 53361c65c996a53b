package actions

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/inventory"
)

func TestTheVerdictIsOfTheSensorsAndTheLogWarns(t *testing.T) {
	sensor := func(state string) bmc.Sensor {
		return bmc.Sensor{Name: "FAN2", Kind: "fan", Reading: "300 RPM", State: state}
	}
	event := bmc.Event{ID: 7, At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Sensor: "PS2", Text: "failure", Critical: true}
	for name, c := range map[string]struct {
		health  bmc.Health
		verdict string
		reasons []string
	}{
		"nothing is told":                        {bmc.Health{}, "unknown", []string{}},
		"sensors without readings say nothing":   {bmc.Health{Sensors: []bmc.Sensor{sensor("unknown")}}, "unknown", []string{}},
		"all is well":                            {bmc.Health{Sensors: []bmc.Sensor{sensor("ok"), sensor("unknown")}}, "ok", []string{}},
		"a warning":                              {bmc.Health{Sensors: []bmc.Sensor{sensor("ok"), sensor("warning")}}, "warning", []string{"FAN2 (fan) is warning: 300 RPM"}},
		"what is critical comes first":           {bmc.Health{Sensors: []bmc.Sensor{sensor("warning"), sensor("critical")}}, "critical", []string{"FAN2 (fan) is critical: 300 RPM", "FAN2 (fan) is warning: 300 RPM"}},
		"the log alone never makes it critical":  {bmc.Health{Sensors: []bmc.Sensor{sensor("ok")}, Events: []bmc.Event{event}}, "warning", []string{"event 7 2026-01-02T03:04:05Z: PS2: failure"}},
		"what was read of a slow BMC does count": {bmc.Health{Sensors: []bmc.Sensor{sensor("critical")}, Unread: []string{"sensors: too slow"}}, "critical", []string{"FAN2 (fan) is critical: 300 RPM"}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, verdict{Verdict: c.verdict, Reasons: c.reasons}, judge(c.health))
		})
	}
	var many bmc.Health
	for range 9 {
		many.Sensors = append(many.Sensors, sensor("critical"))
	}
	reasons := judge(many).Reasons
	assert.Len(t, reasons, mostReasons+1)
	assert.Equal(t, "and 4 more", reasons[mostReasons])
}

func TestWhatADeviceSaysIsNoTemplate(t *testing.T) {
	for text, want := range map[string]string{
		"CPU1 Temp":                  "CPU1 Temp",
		"{{ st2kv.system.x }}":       "st2kv.system.x",
		"{% if 1 %}":                 "% if 1 %",
		"<% ctx() %>":                "% ctx() %",
		"line\nnext\x00\x1b[31m":     "line?next??[31m",
		"Lüfter":                     "L?fter",
		strings.Repeat("long", 1000): strings.Repeat("long", 10),
	} {
		assert.Equal(t, want, plain(text, 40))
	}
	hostile := "{{ x }}<% y %>"
	out := shown(&inventory.Host{Name: "hpe1"}, bmc.Health{
		Sensors: []bmc.Sensor{{Name: hostile, Kind: hostile, Reading: hostile, State: "critical"}},
		Events:  []bmc.Event{{ID: 1, Sensor: hostile, Text: hostile, Critical: true}},
		Machine: bmc.Machine{Manufacturer: hostile, Model: hostile, Serial: hostile, Firmware: hostile, CPU: hostile, MACs: []string{hostile}},
		Unread:  []string{hostile},
	}, 1)
	text := strings.Join(append(append(out.Reasons, out.Unread...), out.Summary, out.Sensors[0].Name, out.Sensors[0].Kind, out.Sensors[0].Reading, out.Events[0].Sensor, out.Events[0].Text,
		out.Machine.Manufacturer, out.Machine.Model, out.Machine.Serial, out.Machine.Firmware, out.Machine.CPU, out.Machine.MACs[0]), "\n")
	assert.NotRegexp(t, `[{}<>]`, text)
}
