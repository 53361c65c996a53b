package sshd

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"

	"github.com/pkg/sftp"

	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/peer"
	"stackstorm-laas/internal/simlab/world"
)

// files serves SFTP for one account.
type files struct {
	*Server
	ctx context.Context
	who account
}

func (f files) handlers() sftp.Handlers {
	return sftp.Handlers{FileGet: f, FilePut: f, FileCmd: f, FileList: f}
}

// ask gives the fault of a request, after serving those that look the same for all.
func (f files) ask(op string) (faults.Kind, error) {
	kind := f.faults.At(system, op, f.cfg.Host)
	switch kind {
	case faults.Refuse:
		return kind, sftp.ErrSSHFxPermissionDenied
	case faults.Hang:
		<-f.ctx.Done()
		return kind, sftp.ErrSSHFxConnectionLost
	case faults.Error500:
		return kind, sftp.ErrSSHFxFailure
	case faults.Slow:
		peer.Wait(f.ctx, peer.Delay)
	}
	return kind, nil
}

// may says whether the account may do something to a file, given that it gets there.
func (f files) may(disk *world.FS, p string, bits fs.FileMode) error {
	for dir := path.Dir(p); dir != "/"; dir = path.Dir(dir) {
		if info, err := disk.Stat(dir); err == nil && !f.who.may(info, 1) {
			return sftp.ErrSSHFxPermissionDenied
		}
	}
	info, err := disk.Stat(p)
	if err == nil && !f.who.may(info, bits) {
		err = sftp.ErrSSHFxPermissionDenied
	}
	return err
}

// write makes a change wherever it is to be made, and tells of it once it is in force.
func (f files) write(kind faults.Kind, change func(*world.FS) error) error {
	targets := f.lies.targets(kind)
	for _, disk := range targets {
		if err := change(disk); err != nil {
			return err
		}
	}
	if len(targets) > 0 && kind != faults.Lie {
		f.faults.Wrote(system, "sftp.write", f.cfg.Host)
	}
	return nil
}

func (f files) Fileread(r *sftp.Request) (io.ReaderAt, error) {
	kind, err := f.ask("sftp.read")
	if err != nil {
		return nil, err
	}
	disk := f.lies.view()
	if err := f.may(disk, r.Filepath, 4); err != nil {
		return nil, err
	}
	data, err := disk.ReadFile(r.Filepath)
	if kind == faults.Garbage {
		data = bytes.Repeat([]byte{0xde, 0xad}, len(data)/2+1)
	}
	return bytes.NewReader(data), err
}

func (f files) Filewrite(r *sftp.Request) (io.WriterAt, error) {
	kind, err := f.ask("sftp.write")
	if err != nil {
		return nil, err
	}
	flags := r.Pflags()
	return handle{f, r.Filepath}, f.write(kind, func(disk *world.FS) error {
		_, err := disk.Stat(r.Filepath)
		switch {
		case err == nil && flags.Excl:
			return sftp.ErrSSHFxFailure
		case err == nil:
			if err := f.may(disk, r.Filepath, 2); err != nil || !flags.Trunc {
				return err
			}
			return disk.WriteFile(r.Filepath, nil, 0o644)
		case !flags.Creat:
			return err
		}
		if err := f.may(disk, path.Dir(r.Filepath), 2); err != nil {
			return err
		}
		if err := disk.WriteFile(r.Filepath, nil, 0o644); err != nil {
			return err
		}
		return disk.Chown(r.Filepath, f.who.uid, f.who.gid)
	})
}

// handle is a file that is open for writing.
type handle struct {
	files files
	path  string
}

func (h handle) WriteAt(p []byte, off int64) (int, error) {
	kind, err := h.files.ask("sftp.write")
	if err != nil {
		return 0, err
	}
	return len(p), h.files.write(kind, func(disk *world.FS) error {
		data, err := disk.ReadFile(h.path)
		if err != nil {
			return err
		}
		if grow := int(off) + len(p) - len(data); grow > 0 {
			data = append(data, make([]byte, grow)...)
		}
		copy(data[off:], p)
		return disk.WriteFile(h.path, data, 0o644)
	})
}

func (f files) Filecmd(r *sftp.Request) error {
	kind, err := f.ask("sftp.write")
	if err != nil {
		return err
	}
	return f.write(kind, func(disk *world.FS) error {
		switch r.Method {
		case "Setstat":
			return f.setstat(disk, r)
		case "Rename":
			if disk.Exists(r.Target) {
				return sftp.ErrSSHFxFailure
			}
			return f.rename(disk, r)
		case "PosixRename":
			return f.rename(disk, r)
		}
		if err := f.may(disk, path.Dir(r.Filepath), 2); err != nil {
			return err
		}
		info, err := disk.Stat(r.Filepath)
		switch r.Method {
		case "Mkdir":
			if err := disk.Mkdir(r.Filepath, 0o755); err != nil {
				return err
			}
			return disk.Chown(r.Filepath, f.who.uid, f.who.gid)
		case "Remove", "Rmdir":
			if err == nil && info.IsDir() != (r.Method == "Rmdir") {
				return sftp.ErrSSHFxFailure
			}
			return disk.Remove(r.Filepath)
		}
		return sftp.ErrSSHFxOpUnsupported
	})
}

// PosixRename replaces the target, as rename(2) does.
func (f files) PosixRename(r *sftp.Request) error { return f.Filecmd(r) }

func (f files) rename(disk *world.FS, r *sftp.Request) error {
	for _, dir := range []string{path.Dir(r.Filepath), path.Dir(r.Target)} {
		if err := f.may(disk, dir, 2); err != nil {
			return err
		}
	}
	return disk.Rename(r.Filepath, r.Target)
}

func (f files) setstat(disk *world.FS, r *sftp.Request) error {
	info, err := disk.Stat(r.Filepath)
	if err != nil {
		return err
	}
	flags, attrs := r.AttrFlags(), r.Attributes()
	if f.who.uid != 0 && (flags.UidGid || info.UID != f.who.uid) {
		return sftp.ErrSSHFxPermissionDenied
	}
	if flags.Size {
		data, err := disk.ReadFile(r.Filepath)
		if err != nil {
			return err
		}
		data = append(data, make([]byte, max(0, int(attrs.Size)-len(data)))...)
		if err := disk.WriteFile(r.Filepath, data[:attrs.Size], 0); err != nil {
			return err
		}
	}
	if flags.UidGid {
		if err := disk.Chown(r.Filepath, int(attrs.UID), int(attrs.GID)); err != nil {
			return err
		}
	}
	if flags.Permissions {
		return disk.Chmod(r.Filepath, fs.FileMode(attrs.Mode).Perm())
	}
	return nil
}

func (f files) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	if _, err := f.ask("sftp.read"); err != nil {
		return nil, err
	}
	disk := f.lies.view()
	if r.Method == "Readlink" {
		return nil, sftp.ErrSSHFxFailure // there are no links
	}
	if r.Method != "List" {
		err := f.may(disk, r.Filepath, 0)
		if err != nil {
			return nil, err
		}
		info, err := disk.Stat(r.Filepath)
		return list{owned{info}}, err
	}
	if err := f.may(disk, r.Filepath, 4); err != nil {
		return nil, err
	}
	infos, err := disk.ReadDir(r.Filepath)
	var out list
	for _, i := range infos {
		out = append(out, owned{i})
	}
	return out, err
}

// owned shows the owner of a file the way the SFTP server asks for it.
type owned struct{ world.Info }

func (o owned) Uid() uint32 { return uint32(o.UID) }
func (o owned) Gid() uint32 { return uint32(o.GID) }

type list []os.FileInfo

func (l list) ListAt(to []os.FileInfo, offset int64) (int, error) {
	if offset >= int64(len(l)) {
		return 0, io.EOF
	}
	n := copy(to, slices.Clone(l[offset:]))
	if n < len(to) {
		return n, io.EOF
	}
	return n, nil
}
