package world

// bootHost is the end of POST: the firmware follows the boot override, and uses it up if it was for one boot only. The default
// order knows the disk only.
func (w *World) bootHost(h *host) {
	device := h.boot.Device
	if !h.boot.Persistent {
		h.boot = Boot{}
	}
	switch device {
	case "bios":
		h.phase = phaseSetup
		h.say("Entering set-up")
		return
	case "pxe":
		t, sees := w.activeTask(h.name), w.seesFOG(h)
		if t != nil && sees && w.suffers(h, IgnoresPXE) == nil {
			h.say("PXE boot from %s", h.nics[0].MAC)
			w.bootFOG(h, t)
			return
		}
		if !sees {
			h.say("PXE-E51: No DHCP or proxyDHCP offers were received")
		}
	}
	w.bootDisk(h)
}

// seesFOG says whether a PXE request from the first NIC gets to FOG.
func (w *World) seesFOG(h *host) bool {
	if len(h.nics) == 0 {
		return false
	}
	p := w.port(h.nics[0].Switch, h.nics[0].Port)
	return p != nil && !p.Shutdown && p.Native != 0 && p.Native == w.provisioning && w.carries(h.nics[0].Switch, p.Native)
}

// bootDisk boots the operating system on the disk, if there is one.
func (w *World) bootDisk(h *host) {
	if h.disk.fs == nil || w.suffers(h, NoBoot) != nil {
		h.phase = phaseStuck
		h.say("No bootable device was found. Press any key to restart.")
		return
	}
	h.phase = phaseBooting
	h.say("Booting from the hard disk\r\nLinux version 6.1.0 (%s)", h.disk.image.OS)
	w.after(h, w.pace.Boot, func() {
		h.disk.boot(h.name)
		h.phase = phaseUp
		// A system whose network configuration is broken comes up without a network.
		h.names = names(h.disk.fs, h.nics)
		h.links, _ = networkOf(h.disk, h.nics, h.names)
		h.sayLogin()
		w.startGuard(h)
	})
}

// Up says whether the host's operating system runs.
func (w *World) Up(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.hosts[name]
	return h != nil && h.phase == phaseUp
}

// FS gives the host's disk, whether the host runs or not; nil if there is nothing readable on it.
func (w *World) FS(name string) *FS {
	w.mu.Lock()
	defer w.mu.Unlock()
	if h := w.hosts[name]; h != nil {
		return h.disk.fs
	}
	return nil
}

// Image gives the image that is on the host's disk; false when the disk is empty or was left half written.
func (w *World) Image(name string) (Image, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.hosts[name]
	if h == nil || h.disk.fs == nil {
		return Image{}, false
	}
	return h.disk.image, true
}

// Install puts an image on a disk at once, as if it had always been there, and leaves power alone.
func (w *World) Install(name string, image int) error {
	return w.act(name, func(h *host) error {
		img, err := w.image(image)
		if err != nil {
			return err
		}
		h.disk = freshDisk(img, h.nics, w.labKey)
		return nil
	})
}

// ApplyNetwork makes the running system take over the network configuration that is on its disk now. A configuration that cannot
// be read is an error and leaves everything as it is.
func (w *World) ApplyNetwork(name string) error {
	return w.act(name, func(h *host) error {
		links, err := networkOf(h.disk, h.nics, h.names)
		if err != nil {
			return err
		}
		if h.phase == phaseUp {
			h.links = links
		}
		return nil
	})
}
