package world

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const interfacesFile = "/etc/network/interfaces"

func freshIfupdown(nics []NIC) string {
	var b strings.Builder
	b.WriteString("source /etc/network/interfaces.d/*\n\nauto lo\niface lo inet loopback\n")
	for _, n := range nics {
		fmt.Fprintf(&b, "\nallow-hotplug %s\niface %s inet dhcp\n", n.Name, n.Name)
	}
	return b.String()
}

// ifupdown reads interfaces(5): what is brought up by itself, in its order, with the commands of ip(8) that make VLANs and bonds.
func ifupdown(f *FS, names []string) ([]link, error) {
	text, err := f.ReadFile(interfacesFile)
	if err != nil {
		return nil, nil
	}
	var auto []string
	stanzas, at := map[string][]string{}, ""
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || strings.HasPrefix(words[0], "#"):
		case words[0] == "auto" || words[0] == "allow-hotplug":
			auto, at = append(auto, words[1:]...), ""
		case words[0] == "source":
			at = ""
		case words[0] == "iface" && len(words) == 4:
			at = words[1]
			stanzas[at] = append(stanzas[at], "method "+words[3])
		case at == "":
			return nil, fmt.Errorf("%s: option without a stanza: %s", interfacesFile, strings.TrimSpace(line))
		default:
			stanzas[at] = append(stanzas[at], strings.Join(words, " "))
		}
	}
	d := hardware(names)
	for _, name := range auto {
		dhcp := false
		for _, option := range stanzas[name] {
			what, value, _ := strings.Cut(option, " ")
			switch what {
			case "method":
				dhcp = value == "dhcp"
			case "pre-up", "up":
				for command := range strings.SplitSeq(value, " || ") {
					d.ip(strings.Fields(command))
				}
			}
		}
		if d[name] != nil {
			d[name].dhcp = dhcp
		}
	}
	return d.links(), nil
}

// ip does what the program does with devices: link add and link set master.
func (d devices) ip(words []string) {
	word := func(after string) string {
		rest := words[min(3, len(words)):] // behind "ip link add"
		i := slices.Index(rest, after)
		if i < 0 || i+1 >= len(rest) {
			return ""
		}
		return rest[i+1]
	}
	line := strings.Join(words, " ")
	name := word("name")
	switch {
	case strings.HasPrefix(line, "ip link add ") && d[name] != nil: // File exists
	case strings.HasPrefix(line, "ip link add ") && word("type") == "vlan":
		if id, err := strconv.Atoi(word("id")); err == nil && id > 0 && id < 4095 && d[word("link")] != nil {
			d[name] = &device{parent: word("link"), vlan: id}
		}
	case strings.HasPrefix(line, "ip link add ") && word("type") == "bond":
		d[name] = &device{}
	case strings.HasPrefix(line, "ip link set ") && word("master") != "":
		if bond := d[word("master")]; bond != nil && d[word("dev")] != nil {
			bond.members = append(bond.members, word("dev"))
		}
	}
}
