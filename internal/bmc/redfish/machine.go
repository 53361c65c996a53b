package redfish

import (
	"cmp"
	"net"
	"slices"
	"strings"

	"stackstorm-laas/internal/bmc"
)

// machine reads what the host is: the system says it, its network interfaces, and the BMC itself.
func (d *driver) machine(m *bmc.Machine) error {
	*m = bmc.Machine{}
	system, err := d.system()
	if err != nil {
		return err
	}
	m.Manufacturer, m.Model = label(system.Get("Manufacturer").String()), label(system.Get("Model").String())
	m.Serial, m.CPU = label(system.Get("SerialNumber").String()), label(system.Get("ProcessorSummary.Model").String())
	m.MemoryMiB = int(system.Get("MemorySummary.TotalSystemMemoryGiB").Float() * 1024)
	managers, err := d.members("Managers")
	if err != nil {
		return err
	}
	if len(managers) > 0 {
		manager, err := d.wire.get(managers[0])
		if err != nil {
			return err
		}
		m.Firmware = label(manager.Get("FirmwareVersion").String())
	}
	nics, err := d.list(system.Get(`EthernetInterfaces.\@odata\.id`).String())
	if err != nil {
		return err
	}
	for _, path := range nics {
		nic, err := d.wire.get(path)
		if err != nil {
			return err
		}
		address := cmp.Or(nic.Get("PermanentMACAddress").String(), nic.Get("MACAddress").String())
		if mac, err := net.ParseMAC(address); err == nil && len(mac) == 6 && !slices.Contains(m.MACs, mac.String()) {
			m.MACs = append(m.MACs, mac.String())
		}
	}
	return nil
}

// label is a name as a BMC gives it, without the blanks that some fill it up with.
func label(text string) string { return strings.Join(strings.Fields(text), " ") }
