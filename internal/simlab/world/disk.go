package world

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/crypto/ssh"
)

// disk is a host's disk; fs is nil when there is nothing readable on it.
type disk struct {
	image Image
	fs    *FS
	// wiped is the type of the task that wiped the disk; 0 as soon as anything is written again.
	wiped int
}

// files of a fresh image that do not depend on it.
var imageFiles = map[string]string{
	"/etc/passwd": "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n" +
		"sshd:x:105:65534::/run/sshd:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
	"/etc/group":      "root:x:0:\ndaemon:x:1:\nsudo:x:27:\nnogroup:x:65534:\n",
	"/etc/hosts":      "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n",
	"/etc/hostname":   "localhost\n",
	"/etc/machine-id": "", // made at the first boot
}

var imageDirs = []string{"/etc/ssh", "/etc/sudoers.d", "/etc/systemd/system", "/home", "/proc/sys/kernel/random", "/root", "/tmp", "/usr/bin", "/usr/sbin", "/var/log"}

// freshDisk is a disk just after the image was written and before it was booted.
func freshDisk(img Image, nics []NIC, labKey string) disk {
	if img.content != nil {
		return disk{image: img, fs: img.content.Clone()}
	}
	f := NewFS()
	for _, dir := range imageDirs {
		must(f.MkdirAll(dir, 0o755))
	}
	for name, text := range imageFiles {
		must(f.WriteFile(name, []byte(text), 0o644))
	}
	must(f.WriteFile("/etc/shadow", []byte("root:*:19700:0:99999:7:::\n"), 0o640))
	must(f.WriteFile("/etc/os-release", []byte(osRelease(img)), 0o644))
	must(f.Chmod("/root", 0o700))
	must(f.Mkdir("/root/.ssh", 0o700))
	if labKey != "" {
		must(f.WriteFile("/root/.ssh/authorized_keys", []byte(strings.TrimSpace(labKey)+"\n"), 0o600))
	}
	freshNetwork(f, img.system(), nics)
	return disk{image: img, fs: f}
}

// boot gives the system what it makes for itself: at its first boot its identity, at every boot a boot id, and SSH host keys if it has none and makes its own.
func (d disk) boot(host string) {
	_ = d.fs.MkdirAll("/run/systemd/system", 0o755) // how a system shows that it runs systemd
	d.put("/proc/sys/kernel/random/boot_id", randomHex(16)+"\n", 0o444)
	if id, _ := d.fs.ReadFile("/etc/machine-id"); len(id) == 0 {
		d.put("/etc/machine-id", randomHex(16)+"\n", 0o444)
	}
	if d.fs.Exists(hostKey) || !d.makesHostKeys() {
		return
	}
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	must(err)
	block, err := ssh.MarshalPrivateKey(priv, "root@"+host)
	must(err)
	sshPub, err := ssh.NewPublicKey(pub)
	must(err)
	d.put(hostKey, string(pem.EncodeToMemory(block)), 0o600)
	d.put(hostKey+".pub", string(ssh.MarshalAuthorizedKey(sshPub)), 0o644)
}

const hostKey = "/etc/ssh/ssh_host_ed25519_key"

// makesHostKeys says whether the system makes SSH host keys when it has none. A made-up image does at its first boot, and so do the SSH servers of all but Debian's
// family, where it takes a unit that the SSH server wants.
func (d disk) makesHostKeys() bool {
	if d.image.content == nil || d.image.OS != "ubuntu" && d.image.OS != "debian" {
		return true
	}
	dropIns, _ := d.fs.ReadDir(systemdDir + "/ssh.service.d")
	for _, f := range dropIns {
		text, _ := d.fs.ReadFile(systemdDir + "/ssh.service.d/" + f.Name())
		unit, _ := d.fs.ReadFile(systemdDir + "/" + setting(string(text), "Wants"))
		if setting(string(text), "After") != "" && setting(string(unit), "ExecStart") == "/usr/bin/ssh-keygen -A" {
			return true
		}
	}
	return false
}

// put writes a file that the system itself keeps. Whoever broke the directory it is in gets a system without it.
func (d disk) put(name, text string, mode fs.FileMode) {
	_ = d.fs.WriteFile(name, []byte(text), mode)
}

func osRelease(img Image) string {
	pretty := map[string]string{"ubuntu": "Ubuntu", "debian": "Debian GNU/Linux", "centos": "CentOS Linux", "suse": "openSUSE Leap"}[img.OS]
	id := img.OS
	if id == "suse" {
		id = "opensuse-leap"
	}
	return fmt.Sprintf("NAME=%q\nID=%s\nVERSION_ID=%q\nPRETTY_NAME=%q\n", pretty, id, img.Version, strings.TrimSpace(pretty+" "+img.Version))
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// must stops on errors that only a defect of this package can cause.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
