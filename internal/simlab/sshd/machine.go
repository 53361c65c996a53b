package sshd

import (
	"fmt"
	"strings"
)

// netplan takes the configuration on the disk into force. It may well cut the connection that it was called over.
func (sh *shell) netplan(args []string) int {
	switch strings.Join(args, " ") {
	case "generate":
		return 0
	case "apply":
		return sh.applyNetwork()
	}
	return sh.fail(1, "netplan: invalid choice")
}

// nmcli takes the connections on the disk into force when something is switched on; reading them again alone does not.
func (sh *shell) nmcli(args []string) int {
	words := strings.Join(args, " ")
	switch {
	case words == "connection reload", words == "networking off":
		return 0
	case words == "networking on", strings.HasPrefix(words, "connection up "), strings.HasPrefix(words, "device reapply "):
		return sh.applyNetwork()
	}
	return sh.fail(2, "Error: argument '%s' not understood.", words)
}

func (sh *shell) applyNetwork() int {
	sh.wrote = true
	if !sh.real {
		return 0
	}
	if err := sh.world.ApplyNetwork(sh.cfg.Host); err != nil {
		return sh.fail(1, "%v", err)
	}
	return 0
}

// ip shows the addresses that the host has on its networks.
func (sh *shell) ip(args []string) int {
	if strings.Join(args, " ") != "-o address show scope global" {
		return sh.fail(255, "Command \"%s\" is unknown, try \"ip help\".", strings.Join(args, " "))
	}
	for i, a := range sh.world.Addresses(sh.cfg.Host) {
		fmt.Fprintf(sh.out, "%d: %s    inet %s/24 brd 255.255.255.255 scope global dynamic %s\\       valid_lft 3599sec preferred_lft 3599sec\n", i+2, a.Interface, a.Address, a.Interface)
	}
	return 0
}

func (sh *shell) systemctl(args []string) int {
	sh.wrote = true
	var err error
	switch verb := strings.Join(args, " "); {
	case verb == "daemon-reload": // units are read at boot only
	case verb != "poweroff" && verb != "reboot":
		return sh.fail(1, "Unknown command verb %s.", verb)
	case !sh.real:
	case verb == "poweroff":
		err = sh.world.SoftOff(sh.cfg.Host)
	default:
		err = sh.world.Reboot(sh.cfg.Host)
	}
	if err != nil {
		return sh.fail(1, "%v", err)
	}
	return 0
}
