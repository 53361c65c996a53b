package sshd

import (
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"stackstorm-laas/internal/simlab/world"
)

// shell runs command lines: commands joined by && or grouped as { a; b; }, words with single or double quotes, and nothing else
// that a shell does.
type shell struct {
	*Server
	who      account
	out, err io.Writer
	// disk is where the commands read and write; real says that what they do counts in the world, lie that it is shown.
	disk      *world.FS
	real, lie bool
	wrote     bool
}

// command is what a program does with its arguments; it gives the exit status.
type command struct {
	// root says that it takes root, file that it is there only if this file is.
	root bool
	file string
	run  func(sh *shell, args []string) int
}

var commands map[string]command

func init() { // commands run commands
	commands = map[string]command{
		"true":     {run: func(*shell, []string) int { return 0 }},
		"false":    {run: func(*shell, []string) int { return 1 }},
		"sync":     {run: func(*shell, []string) int { return 0 }},
		"date":     {run: (*shell).date},
		"cat":      {run: (*shell).cat},
		"test":     {run: (*shell).test},
		"hostname": {run: (*shell).hostname},
		"id":       {run: (*shell).id},
		"ip":       {run: (*shell).ip},
		"useradd":  {root: true, run: (*shell).useradd},
		"netplan":  {root: true, file: "/usr/sbin/netplan", run: (*shell).netplan},
		"nmcli":    {root: true, file: "/usr/bin/nmcli", run: (*shell).nmcli},
		"NetworkManager": {file: "/usr/sbin/NetworkManager", run: func(sh *shell, args []string) int {
			if !slices.Equal(args, []string{"--version"}) {
				return sh.fail(1, "NetworkManager is already running")
			}
			return sh.cat([]string{"/usr/sbin/NetworkManager"})
		}},
		"systemctl": {root: true, run: (*shell).systemctl},
		"env":       {run: (*shell).env},
		"apt-get":   packages("apt-get"),
		"yum":       packages("yum"),
		"zypper":    packages("zypper"),
		"reboot":    {root: true, run: func(sh *shell, _ []string) int { return sh.systemctl([]string{"reboot"}) }},
		"poweroff":  {root: true, run: func(sh *shell, _ []string) int { return sh.systemctl([]string{"poweroff"}) }},
	}
}

func (sh *shell) run(line string) (status int) {
	for part := range strings.SplitSeq(line, "&&") {
		part = strings.TrimSpace(part)
		if inner, ok := strings.CutPrefix(part, "{ "); ok && strings.HasSuffix(inner, "; }") {
			for each := range strings.SplitSeq(strings.TrimSuffix(inner, "; }"), ";") {
				status = sh.run(each)
			}
			if status != 0 {
				return status
			}
			continue
		}
		args, err := words(part)
		if err != nil || len(args) == 0 {
			return sh.fail(2, "sh: syntax error")
		}
		if status = sh.start(args); status != 0 {
			return status
		}
	}
	return status
}

func (sh *shell) start(args []string) int {
	c, ok := commands[path.Base(args[0])]
	switch {
	case !ok, c.file != "" && (sh.disk == nil || !sh.disk.Exists(c.file)):
		return sh.fail(127, "sh: 1: %s: not found", args[0])
	case c.root && sh.who.uid != 0:
		return sh.fail(1, "%s: Permission denied", args[0])
	}
	return c.run(sh, args[1:])
}

func (sh *shell) fail(status int, format string, args ...any) int {
	fmt.Fprintf(sh.err, format+"\n", args...)
	return status
}

// words splits a command line.
func words(line string) (out []string, err error) {
	var word strings.Builder
	var quote rune
	in := false
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, in = r, true
		case strings.ContainsRune("|;<>&$`()", r):
			return nil, fmt.Errorf("unexpected %q", r)
		case r == ' ' || r == '\t' || r == '\n':
			if in {
				out = append(out, word.String())
				word.Reset()
			}
			in = false
		default:
			word.WriteRune(r)
			in = true
		}
	}
	if in {
		out = append(out, word.String())
	}
	if quote != 0 {
		err = fmt.Errorf("unterminated quote")
	}
	return out, err
}

// date tells the time as seconds.
func (sh *shell) date(args []string) int {
	if len(args) != 1 || args[0] != "+%s" {
		return sh.fail(1, "date: invalid date")
	}
	fmt.Fprintln(sh.out, time.Now().Unix())
	return 0
}

func (sh *shell) cat(args []string) int {
	status := 0
	for _, name := range args {
		data, err := sh.disk.ReadFile(name)
		info, _ := sh.disk.Stat(name)
		switch {
		case err != nil:
			status = sh.fail(1, "cat: %s: No such file or directory", name)
		case !sh.who.may(info, 4):
			status = sh.fail(1, "cat: %s: Permission denied", name)
		default:
			_, _ = sh.out.Write(data)
		}
	}
	return status
}

func (sh *shell) test(args []string) int {
	if len(args) != 2 {
		return 2
	}
	info, err := sh.disk.Stat(args[1])
	if err == nil && map[string]bool{"-e": true, "-f": !info.IsDir(), "-d": info.IsDir()}[args[0]] {
		return 0
	}
	return 1
}

// hostname shows or sets the kernel's name; the file is somebody else's business.
func (sh *shell) hostname(args []string) int {
	var name string
	switch {
	case len(args) == 0:
		sh.mu.Lock()
		name = sh.Server.name
		sh.mu.Unlock()
		fmt.Fprintln(sh.out, sh.lies.hostname(name))
		return 0
	case len(args) == 2 && (args[0] == "-F" || args[0] == "--file"):
		data, err := sh.disk.ReadFile(args[1])
		if err != nil {
			return sh.fail(1, "hostname: %s: No such file or directory", args[1])
		}
		name = strings.TrimSpace(string(data))
	case len(args) == 1 && !strings.HasPrefix(args[0], "-"):
		name = args[0]
	default:
		return sh.fail(1, "hostname: invalid option")
	}
	if sh.who.uid != 0 {
		return sh.fail(1, "hostname: you must be root to change the host name")
	}
	sh.wrote = true
	switch {
	case sh.real:
		sh.mu.Lock()
		sh.Server.name = name
		sh.mu.Unlock()
	case sh.lie:
		sh.lies.setHostname(name)
	}
	return 0
}

func (sh *shell) id(args []string) int {
	name := sh.who.name
	if len(args) == 0 || args[0] != "-u" || len(args) > 2 {
		return sh.fail(1, "id: unknown option")
	}
	if len(args) == 2 {
		name = args[1]
	}
	a, ok := findAccount(sh.disk, name)
	if !ok {
		return sh.fail(1, "id: '%s': no such user", name)
	}
	fmt.Fprintln(sh.out, a.uid)
	return 0
}

// useradd makes an account with a group of its own, and with -m its home.
func (sh *shell) useradd(args []string) int {
	a, home := account{shell: "/bin/sh", uid: 1000}, false
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "-m" || args[i] == "--create-home":
			home = true
		case (args[i] == "-s" || args[i] == "--shell") && i+1 < len(args):
			i++
			a.shell = args[i]
		case strings.HasPrefix(args[i], "-") || a.name != "":
			return sh.fail(2, "useradd: invalid option %s", args[i])
		default:
			a.name = args[i]
		}
	}
	if a.name == "" || strings.ContainsAny(a.name, ":/ ") {
		return sh.fail(3, "useradd: invalid user name '%s'", a.name)
	}
	have := accounts(sh.disk)
	if slices.ContainsFunc(have, func(o account) bool { return o.name == a.name }) {
		return sh.fail(9, "useradd: user '%s' already exists", a.name)
	}
	for slices.ContainsFunc(have, func(o account) bool { return o.uid == a.uid }) {
		a.uid++
	}
	a.gid, a.home = a.uid, "/home/"+a.name
	id := strconv.Itoa(a.uid)
	sh.appendLine("/etc/passwd", strings.Join([]string{a.name, "x", id, id, "", a.home, a.shell}, ":"))
	sh.appendLine("/etc/group", a.name+":x:"+id+":")
	sh.appendLine("/etc/shadow", a.name+":!:19700:0:99999:7:::")
	if home && !sh.disk.Exists(a.home) {
		_ = sh.disk.MkdirAll(a.home, 0o755)
		_ = sh.disk.Chown(a.home, a.uid, a.gid)
	}
	sh.wrote = true
	return 0
}

func (sh *shell) appendLine(file, line string) {
	text, _ := sh.disk.ReadFile(file)
	_ = sh.disk.WriteFile(file, append(text, line+"\n"...), 0o644)
}
