package redfish

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/fault"
)

// sensors collects what the BMC watches.
type sensors struct {
	*driver
	list []bmc.Sensor
	// dark is a host without power: what then reads low says nothing.
	dark bool
}

// states are those of Status.Health (DSP0268).
var states = map[string]string{"OK": bmc.SensorOK, "Warning": bmc.SensorWarning, "Critical": bmc.SensorCritical}

// read asks the chassis for their sensors, and the system for what has no sensor: drives, memory and processors.
func (s *sensors) read() error {
	system, err := s.system()
	if err != nil {
		return err
	}
	s.dark = system.Get("PowerState").String() == "Off"
	chassis, err := s.members("Chassis")
	if err != nil {
		return err
	}
	for _, path := range chassis {
		one, err := s.wire.get(path)
		if err != nil {
			return err
		}
		if err := s.chassis(one); err != nil {
			return err
		}
	}
	if err := s.drives(system.Get(`Storage.\@odata\.id`).String()); err != nil {
		return err
	}
	for _, part := range []struct{ name, kind, summary string }{{"Processors", "processor", "ProcessorSummary"}, {"Memory", "memory", "MemorySummary"}} {
		if status := system.Get(part.summary + ".Status"); status.IsObject() {
			s.add(bmc.Sensor{Name: part.name, Kind: part.kind}, status)
		}
	}
	if len(s.list) == 0 {
		return fault.New(fault.NotFound, "the BMC tells of no sensors")
	}
	return nil
}

// chassis reads Thermal and Power, or, where the BMC is too new for them, the chassis' sensors.
func (s *sensors) chassis(one gjson.Result) error {
	thermal, power := one.Get(`Thermal.\@odata\.id`).String(), one.Get(`Power.\@odata\.id`).String()
	if thermal == "" && power == "" {
		return s.modern(one)
	}
	for _, group := range []struct{ path, list, kind, value, unit string }{
		{thermal, "Temperatures", "temperature", "ReadingCelsius", "C"},
		{thermal, "Fans", "fan", "Reading", "RPM"},
		{power, "Voltages", "voltage", "ReadingVolts", "V"},
		{power, "PowerSupplies", "power supply", "", ""},
	} {
		if group.path == "" {
			continue
		}
		doc, err := s.wire.get(group.path)
		if err != nil {
			return err
		}
		for _, v := range doc.Get(group.list).Array() {
			one := bmc.Sensor{Name: label(cmp.Or(v.Get("Name").String(), v.Get("FanName").String())), Kind: group.kind}
			unit := group.unit
			if v.Get("ReadingUnits").String() == "Percent" {
				unit = "%"
			}
			if value := v.Get(group.value); group.value != "" && value.Type == gjson.Number {
				one.Reading = number(value.Float()) + " " + unit
			}
			s.add(one, v.Get("Status"))
		}
	}
	return nil
}

// kinds are the ReadingTypes whose names are not what the pack calls them.
var kinds = map[string]string{"Rotational": "fan"}

// units are ReadingUnits (UCUM) that people write otherwise.
var units = map[string]string{"Cel": "C", "{rev}/min": "RPM"}

// modern reads sensors and power supplies one by one.
func (s *sensors) modern(chassis gjson.Result) error {
	err := s.each(chassis.Get(`Sensors.\@odata\.id`).String(), func(v gjson.Result) {
		kind, unit := v.Get("ReadingType").String(), v.Get("ReadingUnits").String()
		one := bmc.Sensor{Name: label(v.Get("Name").String()), Kind: cmp.Or(kinds[kind], strings.ToLower(kind))}
		if value := v.Get("Reading"); value.Type == gjson.Number {
			one.Reading = strings.TrimSpace(number(value.Float()) + " " + cmp.Or(units[unit], unit))
		}
		s.add(one, v.Get("Status"))
	})
	power := chassis.Get(`PowerSubsystem.\@odata\.id`).String()
	if err != nil || power == "" {
		return err
	}
	supplies, err := s.wire.get(power)
	if err != nil {
		return err
	}
	return s.each(supplies.Get(`PowerSupplies.\@odata\.id`).String(), func(v gjson.Result) {
		s.add(bmc.Sensor{Name: label(v.Get("Name").String()), Kind: "power supply"}, v.Get("Status"))
	})
}

// each reads the members of a collection.
func (s *sensors) each(collection string, do func(gjson.Result)) error {
	paths, err := s.driver.list(collection)
	if err != nil {
		return err
	}
	for _, path := range paths {
		v, err := s.wire.get(path)
		if err != nil {
			return err
		}
		do(v)
	}
	return nil
}

// drives reads what the storage controllers say of their drives. One that foretells its end is as good as failed.
func (s *sensors) drives(storage string) error {
	controllers, err := s.driver.list(storage)
	if err != nil {
		return err
	}
	for _, path := range controllers {
		controller, err := s.wire.get(path)
		if err != nil {
			return err
		}
		for _, link := range controller.Get("Drives").Array() {
			v, err := s.wire.get(link.Get(`\@odata\.id`).String())
			if err != nil {
				return err
			}
			one := bmc.Sensor{Name: label(v.Get("Name").String()), Kind: "drive"}
			if v.Get("FailurePredicted").Bool() {
				one.Reading, one.State = "failure predicted", bmc.SensorCritical
			}
			s.add(one, v.Get("Status"))
		}
	}
	return nil
}

// add takes a sensor, with the state that the BMC says it has, unless it is worse already. What is not there is left out; what is switched off,
// or stands still because the host is, says nothing.
func (s *sensors) add(one bmc.Sensor, status gjson.Result) {
	there := status.Get("State").String()
	if there == "Absent" {
		return
	}
	state := states[cmp.Or(status.Get("Health").String(), status.Get("HealthRollup").String())]
	switch {
	case one.State == bmc.SensorCritical:
		state = one.State
	case there != "" && there != "Enabled" && state == bmc.SensorOK, state == "":
		state = bmc.SensorUnknown
	case s.dark && state != bmc.SensorOK && (one.Kind == "fan" || one.Kind == "voltage"):
		state = bmc.SensorUnknown
	}
	one.State = state
	s.list = append(s.list, one)
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
