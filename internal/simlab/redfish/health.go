package redfish

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/world"
)

const (
	chassisPath    = root + "/Chassis/1"
	subsystemPath  = chassisPath + "/PowerSubsystem"
	interfacesPath = systemPath + "/EthernetInterfaces"
	storagePath    = systemPath + "/Storage"
	logsPath       = systemPath + "/LogServices"
	logPath        = logsPath + "/SEL"
	entriesPath    = logPath + "/Entries"
)

// healthRoutes tell how the host's hardware is.
func (s *Server) healthRoutes(mux *http.ServeMux) {
	resource := func(path string, body func() doc) {
		mux.Handle("GET "+path, s.on(login, func(w http.ResponseWriter, _ *http.Request, _ faults.Kind) {
			answer(w, http.StatusOK, body())
		}, "health.get"))
	}
	one := func(path, kind, version, name string, rest doc) {
		resource(path, func() doc { return described(path, kind, version, name, rest) })
	}
	resource(root+"/Chassis", func() doc { return collection(root+"/Chassis", "Chassis", []string{chassisPath}) })
	if s.cfg.Sensors {
		one(chassisPath, "Chassis", "v1_15_0", "Chassis", doc{"ChassisType": "RackMount", "Sensors": link(chassisPath + "/Sensors"), "PowerSubsystem": link(subsystemPath)})
		resource(chassisPath+"/Sensors", func() doc {
			return s.sensorList(chassisPath+"/Sensors", "Sensor", func(k world.SensorKind) bool { return readings[k][0] != "" })
		})
		mux.Handle("GET "+chassisPath+"/Sensors/{id}", s.on(login, s.sensor, "health.get"))
		one(subsystemPath, "PowerSubsystem", "v1_0_0", "Power Subsystem", doc{"PowerSupplies": link(subsystemPath + "/PowerSupplies")})
		resource(subsystemPath+"/PowerSupplies", func() doc {
			return s.sensorList(subsystemPath+"/PowerSupplies", "PowerSupply", func(k world.SensorKind) bool { return k == world.PowerSupply })
		})
		mux.Handle("GET "+subsystemPath+"/PowerSupplies/{id}", s.on(login, s.sensor, "health.get"))
	} else {
		one(chassisPath, "Chassis", "v1_10_0", "Chassis", doc{"ChassisType": "RackMount", "Thermal": link(chassisPath + "/Thermal"), "Power": link(chassisPath + "/Power")})
		resource(chassisPath+"/Thermal", s.thermal)
		resource(chassisPath+"/Power", s.power)
	}
	resource(interfacesPath, func() doc { return s.interfaces() })
	mux.Handle("GET "+interfacesPath+"/{id}", s.on(login, s.nic, "health.get"))
	resource(storagePath, func() doc { return collection(storagePath, "Storage", []string{storagePath + "/1"}) })
	resource(storagePath+"/1", func() doc {
		drives := s.sensorList(storagePath+"/1/Drives", "Drive", func(k world.SensorKind) bool { return k == world.Drive })
		return described(storagePath+"/1", "Storage", "v1_8_0", "Storage Controller", doc{"Drives": drives["Members"]})
	})
	mux.Handle("GET "+storagePath+"/1/Drives/{id}", s.on(login, s.sensor, "health.get"))
	resource(logsPath, func() doc { return collection(logsPath, "LogService", []string{logPath}) })
	one(logPath, "LogService", "v1_1_2", "System Event Log", doc{"Id": "SEL", "LogEntryType": "SEL", "Entries": link(entriesPath)})
	resource(entriesPath, s.log)
}

func described(path, kind, version, name string, rest doc) doc {
	body := doc{"@odata.id": path, "@odata.type": fmt.Sprintf("#%s.%s.%[1]s", kind, version), "Id": "1", "Name": name}
	for k, v := range rest {
		body[k] = v
	}
	return body
}

// healthOf is how the BMC judges a sensor.
func healthOf(one world.Sensor) string {
	v := one.Value
	switch {
	case one.Failed, one.Failing, v <= one.LowCritical && one.LowCritical > 0, v >= one.HighCritical && one.HighCritical > 0:
		return "Critical"
	case v <= one.Low && one.Low > 0, v >= one.High && one.High > 0:
		return "Warning"
	}
	return "OK"
}

func statusOf(one world.Sensor) doc { return doc{"State": "Enabled", "Health": healthOf(one)} }

// pick lists the sensors of a kind as doc makes them.
func (s *Server) pick(kind world.SensorKind, make func(world.Sensor) doc) []doc {
	out := []doc{}
	for _, one := range s.world.Sensors(s.cfg.Host) {
		if one.Kind == kind {
			body := make(one)
			body["MemberId"], body["Name"], body["Status"] = strconv.Itoa(len(out)), one.Name, statusOf(one)
			out = append(out, body)
		}
	}
	return out
}

func (s *Server) thermal() doc {
	return described(chassisPath+"/Thermal", "Thermal", "v1_5_0", "Thermal", doc{
		"Temperatures": append(s.pick(world.Temperature, func(one world.Sensor) doc {
			return doc{"ReadingCelsius": one.Value, "UpperThresholdNonCritical": one.High, "UpperThresholdCritical": one.HighCritical}
		}), doc{"MemberId": "9", "Name": "CPU2 Temp", "ReadingCelsius": nil, "Status": doc{"State": "Absent"}}),
		"Fans": s.pick(world.Fan, func(one world.Sensor) doc { return doc{"Reading": one.Value, "ReadingUnits": "RPM"} }),
	})
}

func (s *Server) power() doc {
	return described(chassisPath+"/Power", "Power", "v1_6_0", "Power", doc{
		"Voltages":      s.pick(world.Voltage, func(one world.Sensor) doc { return doc{"ReadingVolts": one.Value} }),
		"PowerSupplies": s.pick(world.PowerSupply, func(world.Sensor) doc { return doc{"PowerSupplyType": "AC"} }),
	})
}

// sensorList is the collection of the sensors of some kinds, by their places among all.
func (s *Server) sensorList(path, kind string, want func(world.SensorKind) bool) doc {
	var members []string
	for i, one := range s.world.Sensors(s.cfg.Host) {
		if want(one.Kind) {
			members = append(members, path+"/"+strconv.Itoa(i))
		}
	}
	return collection(path, kind, members)
}

// readings are the kinds of sensors as a chassis' sensors call them, with the unit.
var readings = map[world.SensorKind][2]string{
	world.Temperature: {"Temperature", "Cel"}, world.Fan: {"Rotational", "RPM"}, world.Voltage: {"Voltage", "V"},
}

// sensor is one sensor, drive or power supply.
func (s *Server) sensor(w http.ResponseWriter, r *http.Request, _ faults.Kind) {
	all := s.world.Sensors(s.cfg.Host)
	i, err := strconv.Atoi(r.PathValue("id"))
	if err != nil || i < 0 || i >= len(all) {
		refuse(w, http.StatusNotFound, "ResourceMissingAtURI")
		return
	}
	one := all[i]
	switch named, measured := readings[one.Kind]; {
	case measured:
		answer(w, http.StatusOK, described(r.URL.Path, "Sensor", "v1_2_0", one.Name,
			doc{"Status": statusOf(one), "Reading": one.Value, "ReadingType": named[0], "ReadingUnits": named[1]}))
	case one.Kind == world.Drive: // which works until it fails
		answer(w, http.StatusOK, described(r.URL.Path, "Drive", "v1_9_0", one.Name,
			doc{"FailurePredicted": one.Failing, "Status": doc{"State": "Enabled", "Health": "OK"}}))
	default:
		answer(w, http.StatusOK, described(r.URL.Path, "PowerSupply", "v1_0_0", one.Name, doc{"Status": statusOf(one)}))
	}
}

func (s *Server) interfaces() doc {
	var members []string
	for i := range s.world.Machine(s.cfg.Host).MACs {
		members = append(members, interfacesPath+"/"+strconv.Itoa(i))
	}
	return collection(interfacesPath, "EthernetInterface", members)
}

func (s *Server) nic(w http.ResponseWriter, r *http.Request, _ faults.Kind) {
	macs := s.world.Machine(s.cfg.Host).MACs
	i, err := strconv.Atoi(r.PathValue("id"))
	if err != nil || i < 0 || i >= len(macs) {
		refuse(w, http.StatusNotFound, "ResourceMissingAtURI")
		return
	}
	answer(w, http.StatusOK, described(r.URL.Path, "EthernetInterface", "v1_6_0", "Ethernet Interface", doc{"MACAddress": macs[i]}))
}

// causes are what a trouble's entry says, and how grave it is.
var causes = map[world.TroubleKind][3]string{
	world.FanFails: {"Fan", "Fan speed below the lower critical threshold", "Critical"}, world.Overheats: {"Temperature", "Temperature above the upper critical threshold", "Critical"},
	world.Warms: {"Temperature", "Temperature above the upper non-critical threshold", "Warning"}, world.SupplyFails: {"Power Supply / Converter", "Power supply failed", "Critical"},
	world.DriveFails: {"Drive Slot/Bay", "Drive failure predicted", "Critical"},
}

// log is the event log, the oldest entry first.
func (s *Server) log() doc {
	members := []doc{}
	for _, e := range s.world.HardwareEvents(s.cfg.Host) {
		cause := causes[e.Kind]
		path := entriesPath + "/" + strconv.Itoa(e.ID)
		entry := doc{"@odata.id": path, "@odata.type": "#LogEntry.v1_4_0.LogEntry", "Id": strconv.Itoa(e.ID), "Name": "Log Entry", "EntryType": "SEL",
			"Created": e.At.UTC().Format(time.RFC3339), "EntryCode": "Assert", "SensorType": cause[0], "SensorNumber": s.number(e.Sensor),
			"Message": e.Sensor + ": " + cause[1], "Severity": cause[2]}
		if e.Ended {
			entry["EntryCode"], entry["Severity"] = "Deassert", "OK"
		}
		members = append(members, entry)
	}
	body := collection(entriesPath, "LogEntry", nil)
	body["Members"], body["Members@odata.count"] = members, len(members)
	return body
}

// number is the place of a sensor among all.
func (s *Server) number(name string) int {
	for i, one := range s.world.Sensors(s.cfg.Host) {
		if one.Name == name {
			return i
		}
	}
	panic(fmt.Sprintf("no sensor %q", name))
}
