package inventory

import (
	"net"
	"strconv"
	"strings"
)

// readOVSDB checks the address of an Open vSwitch: ssl:HOST:PORT, tcp:HOST:PORT or unix:/PATH of its database.
func readOVSDB(rep *report, path, address string) {
	kind, rest, _ := strings.Cut(address, ":")
	host, port, err := net.SplitHostPort(rest)
	number, perr := strconv.Atoi(port)
	remote := err == nil && perr == nil && number > 0 && number < 65536 && reachable(host)
	switch {
	case kind == "unix" && strings.HasPrefix(rest, "/"):
	case kind == "ssl" && remote:
	case kind == "tcp" && remote:
		rep.warn(path, "is not encrypted and asks for no login: everybody in that network can change the switch; use ssl:%s", rest)
	default:
		rep.fail(path, "%q is none of ssl:HOST:PORT, tcp:HOST:PORT and unix:/PATH; the database of Open vSwitch listens on port 6640 (ovs-vsctl set-manager pssl:6640)", address)
	}
}
