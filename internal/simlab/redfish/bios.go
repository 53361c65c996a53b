package redfish

import (
	"net/http"

	"stackstorm-laas/internal/simlab/faults"
)

const (
	biosPath     = systemPath + "/Bios"
	settingsPath = biosPath + "/Settings"
	changePath   = biosPath + "/Actions/Bios.ChangePassword"
	// passwordName is what the BIOS calls the administrator's password.
	passwordName = "AdminPassword"
)

// bios is what guards the firmware's set-up.
type bios struct{ password string }

func (s *Server) biosRoutes(mux *http.ServeMux) {
	mux.Handle("GET "+biosPath, s.on(login, func(w http.ResponseWriter, _ *http.Request, _ faults.Kind) {
		body := s.attributes(biosPath)
		body["@Redfish.Settings"] = doc{"@odata.type": "#Settings.v1_3_0.Settings", "SettingsObject": link(settingsPath)}
		if !s.cfg.BIOSSettings {
			body["Actions"] = doc{"#Bios.ChangePassword": doc{"target": changePath, "PasswordName@Redfish.AllowableValues": []string{"UserPassword", passwordName}}}
		}
		answer(w, http.StatusOK, body)
	}, "bios.get"))
	mux.Handle("GET "+settingsPath, s.on(login, func(w http.ResponseWriter, _ *http.Request, _ faults.Kind) {
		answer(w, http.StatusOK, s.attributes(settingsPath))
	}, "bios.get"))
	mux.Handle("PATCH "+settingsPath, s.on(components, s.setAttributes, "bios.set"))
	if !s.cfg.BIOSSettings {
		mux.Handle("POST "+changePath, s.on(components, s.changePassword, "bios.set"))
	}
}

// attributes are the settings of the BIOS. A password is never shown.
func (s *Server) attributes(path string) doc {
	list := doc{"BootMode": "Uefi"}
	if s.cfg.BIOSSettings {
		list[passwordName], list["Old"+passwordName] = nil, nil
	}
	return doc{"@odata.id": path, "@odata.type": "#Bios.v1_1_1.Bios", "Id": "Bios", "Name": "BIOS Configuration", "Attributes": list}
}

func (s *Server) setAttributes(w http.ResponseWriter, r *http.Request, kind faults.Kind) {
	body, ok := read(w, r)
	if !ok || !s.matches(w, r, s.attributes(settingsPath)) {
		return
	}
	list, _ := body["Attributes"].(doc)
	password, given := list[passwordName].(string)
	if !given || !s.cfg.BIOSSettings {
		refuse(w, http.StatusBadRequest, "PropertyUnknown")
		return
	}
	old, _ := list["Old"+passwordName].(string)
	s.setPassword(w, kind, old, password)
}

func (s *Server) changePassword(w http.ResponseWriter, r *http.Request, kind faults.Kind) {
	body, ok := read(w, r)
	if !ok {
		return
	}
	password, given := body["NewPassword"].(string)
	if !given || body["PasswordName"] != passwordName {
		refuse(w, http.StatusBadRequest, "ActionParameterMissing")
		return
	}
	old, _ := body["OldPassword"].(string)
	s.setPassword(w, kind, old, password)
}

func (s *Server) setPassword(w http.ResponseWriter, kind faults.Kind, old, password string) {
	status, message := s.write("bios", kind, func(on *side) (int, string) {
		if on.bios.password != old {
			return http.StatusBadRequest, "ActionParameterValueError"
		}
		on.bios.password = password
		return 0, ""
	})
	s.finish(w, status, message)
}
