package redfish

import (
	"maps"
	"net/http"
	"slices"

	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/world"
)

const (
	systemPath = root + "/Systems/1"
	resetPath  = systemPath + "/Actions/ComputerSystem.Reset"
)

// targets are the boot devices of the world as Redfish calls them.
var targets = map[string]string{"Pxe": "pxe", "Hdd": "disk", "BiosSetup": "bios", "None": "none"}

func target(device string) string {
	for name, d := range targets {
		if d == device {
			return name
		}
	}
	return "None"
}

func (s *Server) systemRoutes(mux *http.ServeMux) {
	mux.Handle("GET "+root+"/Systems", s.on(login, func(w http.ResponseWriter, _ *http.Request, _ faults.Kind) {
		answer(w, http.StatusOK, collection(root+"/Systems", "ComputerSystem", []string{systemPath}))
	}))
	mux.Handle("GET "+systemPath, s.on(login, func(w http.ResponseWriter, _ *http.Request, _ faults.Kind) {
		s.mu.Lock()
		defer s.mu.Unlock()
		answer(w, http.StatusOK, s.systemDoc())
	}, "power.get", "boot.get"))
	mux.Handle("PATCH "+systemPath, s.on(components, s.setBoot, "boot.set"))
	mux.Handle("POST "+resetPath, s.on(components, s.reset, "power.set"))
}

// systemDoc is the host as the BMC shows it. The server is locked.
func (s *Server) systemDoc() doc {
	power := "Off"
	if s.shown("power").hardware.power() {
		power = "On"
	}
	m, fine := s.world.Machine(s.cfg.Host), doc{"State": "Enabled", "Health": "OK"}
	return doc{
		"Manufacturer": m.Manufacturer, "Model": m.Model, "SerialNumber": m.Serial,
		"ProcessorSummary": doc{"Count": 1, "Model": m.CPU, "Status": fine}, "MemorySummary": doc{"TotalSystemMemoryGiB": m.MemoryMiB / 1024, "Status": fine},
		"EthernetInterfaces": link(interfacesPath), "Storage": link(storagePath), "LogServices": link(logsPath),
		"@odata.id": systemPath, "@odata.type": "#ComputerSystem.v1_10_0.ComputerSystem", "Id": "1", "Name": s.cfg.Host, "SystemType": "Physical",
		"PowerState": power, "Boot": s.bootDoc(), "Bios": link(biosPath), "Status": doc{"State": "Enabled", "Health": "OK"},
		"Links":   doc{"ManagedBy": []doc{link(managerPath)}},
		"Actions": doc{"#ComputerSystem.Reset": doc{"target": resetPath, "ResetType@Redfish.AllowableValues": s.cfg.Resets}},
	}
}

func (s *Server) bootDoc() doc {
	b := s.shown("boot").hardware.boot()
	enabled, mode := "Once", "Legacy"
	switch {
	case b.Device == "none":
		enabled = "Disabled"
	case b.Persistent:
		enabled = "Continuous"
	}
	if b.EFI {
		mode = "UEFI"
	}
	return doc{
		"BootSourceOverrideEnabled": enabled, "BootSourceOverrideTarget": target(b.Device), "BootSourceOverrideMode": mode,
		"BootSourceOverrideTarget@Redfish.AllowableValues": slices.Sorted(maps.Keys(targets)), "BootOrder": []string{"Boot0001"},
	}
}

// setBoot changes the boot override, and nothing else of the system.
func (s *Server) setBoot(w http.ResponseWriter, r *http.Request, kind faults.Kind) {
	body, ok := read(w, r)
	if !ok {
		return
	}
	s.mu.Lock()
	current, have := s.systemDoc(), s.shown("boot").hardware.boot()
	s.mu.Unlock()
	if !s.matches(w, r, current) {
		return
	}
	boot, isBoot := body["Boot"].(doc)
	if !isBoot || len(body) != 1 {
		refuse(w, http.StatusBadRequest, "PropertyNotWritable")
		return
	}
	want, fine := override(have, boot)
	if !fine {
		refuse(w, http.StatusBadRequest, "PropertyValueNotInList")
		return
	}
	status, message := s.write("boot", kind, func(on *side) (int, string) {
		if on.hardware.setBoot(want) != nil {
			return http.StatusInternalServerError, "InternalError"
		}
		return 0, ""
	})
	s.finish(w, status, message)
}

// override is the boot override after a change; what a change does not name stays.
func override(b world.Boot, change doc) (world.Boot, bool) {
	for key, value := range change {
		text, _ := value.(string)
		switch key {
		case "BootSourceOverrideTarget":
			device, known := targets[text]
			if !known {
				return b, false
			}
			b.Device = device
		case "BootSourceOverrideEnabled":
			if !slices.Contains([]string{"Disabled", "Once", "Continuous"}, text) {
				return b, false
			}
			b.Persistent = text == "Continuous"
		case "BootSourceOverrideMode":
			if text != "UEFI" && text != "Legacy" {
				return b, false
			}
			b.EFI = text == "UEFI"
		default:
			return b, false
		}
	}
	if change["BootSourceOverrideEnabled"] == "Disabled" || b.Device == "none" {
		b.Device, b.Persistent = "none", false
	}
	return b, true
}

func (s *Server) reset(w http.ResponseWriter, r *http.Request, kind faults.Kind) {
	body, ok := read(w, r)
	if !ok {
		return
	}
	what, _ := body["ResetType"].(string)
	if !slices.Contains(s.cfg.Resets, what) {
		refuse(w, http.StatusBadRequest, "ActionParameterNotSupported")
		return
	}
	status, message := s.write("power", kind, func(on *side) (int, string) {
		if on.hardware.reset(what) != nil {
			return http.StatusConflict, "ActionNotSupported"
		}
		return 0, ""
	})
	s.finish(w, status, message)
}

// finish answers a change: done, or refused.
func (s *Server) finish(w http.ResponseWriter, status int, message string) {
	if status != 0 {
		refuse(w, status, message)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// matches checks which version of the resource a change is meant for.
func (s *Server) matches(w http.ResponseWriter, r *http.Request, current doc) bool {
	switch given := r.Header.Get("If-Match"); {
	case given == "" && s.cfg.Strict:
		refuse(w, http.StatusPreconditionRequired, "PreconditionRequired")
		return false
	case given != "" && given != "*" && given != tag(current):
		refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
		return false
	}
	return true
}
