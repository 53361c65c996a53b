package hostnet

import "fmt"

// names gives physical interfaces their names by MAC at the next start of the host, for systems that know interfaces by name only: a
// systemd.link file each (systemd.link(5)). VLANs have the MAC of theirs, and another type.
func names(ports []port) []File {
	var files []File
	for _, p := range physical(ports) {
		text := header + fmt.Sprintf("[Match]\nMACAddress=%s\nType=ether\n\n[Link]\nName=%s\n", p.mac, device(p))
		files = append(files, File{fmt.Sprintf("%s10-laas-%s.link", linkDir, device(p)), 0o644, []byte(text)})
	}
	return files
}

const linkDir = "/etc/systemd/network/"

// staleNames covers the files of an earlier booking, and the names by which udev, YaST or cloud-init have tied interfaces to their MACs: they would be given
// before systemd.link files are asked.
var staleNames = []string{linkDir + "10-laas-*.link", "/etc/udev/rules.d/70-persistent-net.rules"}
