package sshd

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"

	"stackstorm-laas/internal/simlab/world"
)

// account is a line of /etc/passwd.
type account struct {
	name, home, shell string
	uid, gid          int
}

func accounts(disk *world.FS) (out []account) {
	text, _ := disk.ReadFile("/etc/passwd")
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) != 7 {
			continue
		}
		uid, err1 := strconv.Atoi(f[2])
		gid, err2 := strconv.Atoi(f[3])
		if err1 == nil && err2 == nil {
			out = append(out, account{f[0], f[5], f[6], uid, gid})
		}
	}
	return out
}

func findAccount(disk *world.FS, name string) (account, bool) {
	for _, a := range accounts(disk) {
		if a.name == name {
			return a, true
		}
	}
	return account{}, false
}

// authorize says why a key does not open an account, as strictly as OpenSSH by default: the key must be in the account's
// authorized_keys, and nobody but the account and root may be able to write to that file or the directories it is in.
func authorize(disk *world.FS, user string, key ssh.PublicKey) error {
	a, ok := findAccount(disk, user)
	switch {
	case !ok:
		return fmt.Errorf("no user %q", user)
	case strings.HasSuffix(a.shell, "/nologin"), strings.HasSuffix(a.shell, "/false"):
		return errors.New("the account is not for logging in")
	}
	file := path.Join(a.home, ".ssh/authorized_keys")
	for _, p := range []string{a.home, path.Dir(file), file} {
		info, err := disk.Stat(p)
		if err != nil {
			return err
		}
		if info.UID != 0 && info.UID != a.uid || info.Mode().Perm()&0o022 != 0 {
			return fmt.Errorf("bad ownership or modes of %s", p)
		}
		need := fs.FileMode(4)
		if info.IsDir() {
			need = 1
		}
		if !a.may(info, need) {
			return fmt.Errorf("%s cannot get at %s", user, p)
		}
	}
	text, err := disk.ReadFile(file)
	if err != nil {
		return err
	}
	for len(text) > 0 {
		var have ssh.PublicKey
		if have, _, _, text, err = ssh.ParseAuthorizedKey(text); err != nil {
			break
		}
		if bytes.Equal(have.Marshal(), key.Marshal()) {
			return nil
		}
	}
	return errors.New("the key is not authorized")
}

// may says whether the account has all of the permission bits (4 read, 2 write, 1 search) of a file. Root has.
func (a account) may(info world.Info, bits fs.FileMode) bool {
	mode := info.Mode().Perm()
	switch {
	case a.uid == 0:
		return true
	case info.UID == a.uid:
		mode >>= 6
	case info.GID == a.gid:
		mode >>= 3
	}
	return mode&bits == bits
}
