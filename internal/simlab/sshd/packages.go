package sshd

import (
	"slices"
	"strings"
)

// managers are the package managers: whose they are by the ID of /etc/os-release, and where they note what they did.
var managers = map[string]struct {
	ids []string
	log string
}{
	"apt-get": {[]string{"ubuntu", "debian"}, "/var/log/apt/history.log"},
	"yum":     {[]string{"centos", "rocky", "fedora"}, "/var/log/yum.log"},
	"zypper":  {[]string{"opensuse-leap", "sles"}, "/var/log/zypp/history"},
}

// packages runs a package manager that asks nothing.
func packages(name string) command {
	return command{root: true, run: func(sh *shell, args []string) int {
		m := managers[name]
		release, _ := sh.disk.ReadFile("/etc/os-release")
		if !slices.ContainsFunc(m.ids, func(id string) bool { return strings.Contains(string(release), "\nID="+id+"\n") }) {
			return sh.fail(127, "sh: 1: %s: not found", name)
		}
		if !slices.ContainsFunc(args, func(a string) bool { return slices.Contains([]string{"-y", "-qy", "--non-interactive", "clean"}, a) }) {
			return sh.fail(1, "%s: it would ask, and nobody is there", name)
		}
		if slices.ContainsFunc(args, func(a string) bool { return slices.Contains([]string{"upgrade", "dist-upgrade", "update"}, a) }) {
			_ = sh.disk.MkdirAll(m.log[:strings.LastIndex(m.log, "/")], 0o755)
			sh.appendLine(m.log, name+" "+strings.Join(args, " "))
			sh.wrote = true
			if name == "zypper" { // as after a new kernel
				return 102
			}
		}
		return 0
	}}
}

// env runs a command with variables, none of which means anything to the commands here.
func (sh *shell) env(args []string) int {
	for len(args) > 0 && strings.Contains(args[0], "=") {
		args = args[1:]
	}
	if len(args) == 0 {
		return 0
	}
	return sh.start(args)
}
