package nxapi

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"stackstorm-laas/internal/simlab/world"
)

const lastVLAN = 4094

// defaultMTU is that of a port whose configuration names none.
const defaultMTU = 1500

// port is the configuration of a port as the switch keeps it.
type port struct {
	trunk          bool
	access, native int
	// allowed are the VLANs that a trunk carries, sorted. The native one is carried only if it is among them.
	allowed     []int
	mtu         int // 0 is defaultMTU
	shutdown    bool
	description string
}

// world is what the port does: Native is where untagged frames go, and 0 if they are dropped.
func (p port) world() world.Port {
	out := world.Port{MTU: p.mtu, Shutdown: p.shutdown, Description: p.description}
	if !p.trunk {
		out.Native = p.access
		return out
	}
	for _, v := range p.allowed {
		if v == p.native {
			out.Native = v
		} else {
			out.Tagged = append(out.Tagged, v)
		}
	}
	return out
}

// fromWorld is a configuration that makes a port do what the world says it does.
func fromWorld(p world.Port) port {
	out := port{trunk: true, access: 1, native: 1, allowed: slices.Clone(p.Tagged), mtu: p.MTU, shutdown: p.Shutdown, description: p.Description}
	if p.Native != 0 {
		out.native = p.Native
		out.allowed = append(out.allowed, p.Native)
	}
	slices.Sort(out.allowed)
	return out
}

// get reads a port, by the name it has in the world. What the switch remembers counts only while it agrees with the world.
func (s *Server) get(name string) port {
	if p, ok := s.lied[name]; ok {
		return p
	}
	return s.truth(name)
}

func (s *Server) truth(name string) port {
	have, _ := s.world.Port(s.cfg.Switch, name)
	known, ok := s.running[name]
	if does := known.world(); ok && slices.Equal(does.Tagged, have.Tagged) {
		does.Tagged = have.Tagged
		if reflect.DeepEqual(does, have) {
			return known
		}
	}
	return fromWorld(have)
}

// find gives the name in the world of an interface, however it is written: Ethernet1/1, ethernet1/1, eth1/1.
func (s *Server) find(written string) (string, error) {
	want := canonical(written)
	for name := range s.world.Ports(s.cfg.Switch) {
		if canonical(name) == want {
			return name, nil
		}
	}
	return "", errInterface
}

// canonical writes an interface name as the switch shows it.
func canonical(name string) string {
	i := strings.IndexAny(name, "0123456789")
	if i <= 0 {
		return name
	}
	kind := strings.ToLower(strings.TrimSpace(name[:i]))
	for _, full := range []string{"Ethernet", "port-channel"} {
		if strings.HasPrefix(strings.ToLower(full), kind) {
			return full + name[i:]
		}
	}
	return name
}

// parseVLANs reads a list like 100,200-202.
func parseVLANs(list string) ([]int, error) {
	var out []int
	for part := range strings.SplitSeq(list, ",") {
		from, to, ok := strings.Cut(part, "-")
		if !ok {
			to = from
		}
		a, err1 := strconv.Atoi(from)
		b, err2 := strconv.Atoi(to)
		if err1 != nil || err2 != nil || a < 1 || b > lastVLAN || a > b {
			return nil, errVLAN
		}
		for v := a; v <= b; v++ {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

func oneVLAN(text string) (int, error) {
	v, err := strconv.Atoi(text)
	if err != nil || v < 1 || v > lastVLAN {
		return 0, errVLAN
	}
	return v, nil
}

func allVLANs() []int {
	out := make([]int, lastVLAN)
	for i := range out {
		out[i] = i + 1
	}
	return out
}

// formatVLANs writes a list the way the switch does; an empty one is "none".
func formatVLANs(vlans []int) string {
	if len(vlans) == 0 {
		return "none"
	}
	var parts []string
	for i := 0; i < len(vlans); {
		j := i
		for j+1 < len(vlans) && vlans[j+1] == vlans[j]+1 {
			j++
		}
		if i == j {
			parts = append(parts, strconv.Itoa(vlans[i]))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", vlans[i], vlans[j]))
		}
		i = j + 1
	}
	return strings.Join(parts, ",")
}
