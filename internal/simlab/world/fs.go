package world

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// FS is the file tree of a disk. Whoever uses it is root: modes and owners are kept and not enforced. Paths are absolute.
type FS struct {
	mu   sync.Mutex
	root *node
}

type node struct {
	name     string
	mode     fs.FileMode
	uid, gid int
	modified time.Time
	data     []byte
	children map[string]*node // of a directory
}

// Info describes a file.
type Info struct {
	name     string
	size     int64
	mode     fs.FileMode
	modified time.Time
	UID, GID int
}

var _ fs.FileInfo = Info{}

func (i Info) Name() string       { return i.name }
func (i Info) Size() int64        { return i.size }
func (i Info) Mode() fs.FileMode  { return i.mode }
func (i Info) ModTime() time.Time { return i.modified }
func (i Info) IsDir() bool        { return i.mode.IsDir() }

// Sys gives nil; owners are in UID and GID.
func (i Info) Sys() any { return nil }

// NewFS makes an empty tree.
func NewFS() *FS { return &FS{root: directory("/", 0o755)} }

func directory(name string, mode fs.FileMode) *node {
	return &node{name: name, mode: fs.ModeDir | mode.Perm(), modified: time.Now(), children: map[string]*node{}}
}

func (n *node) info() Info {
	return Info{name: n.name, size: int64(len(n.data)), mode: n.mode, modified: n.modified, UID: n.uid, GID: n.gid}
}

func clean(p string) string { return path.Clean("/" + p) }

// lookup walks to p; the tree must be locked.
func (f *FS) lookup(op, p string) (*node, error) {
	n := f.root
	for part := range strings.SplitSeq(strings.Trim(clean(p), "/"), "/") {
		if part == "" {
			continue
		}
		if n.children == nil {
			return nil, &fs.PathError{Op: op, Path: p, Err: syscall.ENOTDIR}
		}
		child, ok := n.children[part]
		if !ok {
			return nil, &fs.PathError{Op: op, Path: p, Err: fs.ErrNotExist}
		}
		n = child
	}
	return n, nil
}

// parent gives the directory that p is in, and the last part of p.
func (f *FS) parent(op, p string) (*node, string, error) {
	dir, name := path.Split(clean(p))
	if name == "" {
		return nil, "", &fs.PathError{Op: op, Path: p, Err: fs.ErrInvalid}
	}
	n, err := f.lookup(op, dir)
	if err == nil && n.children == nil {
		err = &fs.PathError{Op: op, Path: p, Err: syscall.ENOTDIR}
	}
	return n, name, err
}

// ReadFile gives the content of a file.
func (f *FS) ReadFile(p string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.lookup("open", p)
	if err != nil {
		return nil, err
	}
	if n.children != nil {
		return nil, &fs.PathError{Op: "read", Path: p, Err: syscall.EISDIR}
	}
	return slices.Clone(n.data), nil
}

// WriteFile replaces the content of a file. A new file gets the mode and belongs to root; an old one keeps what it has.
func (f *FS) WriteFile(p string, data []byte, mode fs.FileMode) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir, name, err := f.parent("open", p)
	if err != nil {
		return err
	}
	n := dir.children[name]
	if n == nil {
		n = &node{name: name, mode: mode.Perm()}
		dir.children[name] = n
	}
	if n.children != nil {
		return &fs.PathError{Op: "open", Path: p, Err: syscall.EISDIR}
	}
	n.data, n.modified = slices.Clone(data), time.Now()
	return nil
}

// Touch sets when a file was last written.
func (f *FS) Touch(p string, at time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.lookup("utimes", p)
	if err == nil {
		n.modified = at
	}
	return err
}

// Rename moves a file or directory, over a file that is there already.
func (f *FS) Rename(from, to string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	src, name, err := f.parent("rename", from)
	if err != nil {
		return err
	}
	n := src.children[name]
	if n == nil {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	dst, newName, err := f.parent("rename", to)
	if err != nil {
		return err
	}
	if old := dst.children[newName]; old != nil && old != n && old.children != nil {
		return &fs.PathError{Op: "rename", Path: to, Err: fs.ErrExist}
	}
	if strings.HasPrefix(clean(to)+"/", clean(from)+"/") && clean(to) != clean(from) {
		return &fs.PathError{Op: "rename", Path: to, Err: fs.ErrInvalid}
	}
	delete(src.children, name)
	n.name = newName
	dst.children[newName] = n
	return nil
}

// Remove deletes a file or an empty directory.
func (f *FS) Remove(p string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir, name, err := f.parent("remove", p)
	if err != nil {
		return err
	}
	n := dir.children[name]
	switch {
	case n == nil:
		return &fs.PathError{Op: "remove", Path: p, Err: fs.ErrNotExist}
	case len(n.children) > 0:
		return &fs.PathError{Op: "remove", Path: p, Err: syscall.ENOTEMPTY}
	}
	delete(dir.children, name)
	return nil
}

// RemoveAll deletes a file or a whole directory; one that is missing is fine.
func (f *FS) RemoveAll(p string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir, name, err := f.parent("remove", p)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		delete(dir.children, name)
	}
	return err
}

// Stat describes a file or directory.
func (f *FS) Stat(p string) (Info, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.lookup("stat", p)
	if err != nil {
		return Info{}, err
	}
	return n.info(), nil
}

// Exists says whether there is something at p.
func (f *FS) Exists(p string) bool {
	_, err := f.Stat(p)
	return err == nil
}

// ReadDir lists a directory by name.
func (f *FS) ReadDir(p string) ([]Info, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.lookup("readdir", p)
	if err != nil {
		return nil, err
	}
	if n.children == nil {
		return nil, &fs.PathError{Op: "readdir", Path: p, Err: syscall.ENOTDIR}
	}
	var out []Info
	for _, c := range n.children {
		out = append(out, c.info())
	}
	slices.SortFunc(out, func(a, b Info) int { return strings.Compare(a.name, b.name) })
	return out, nil
}

// Mkdir makes a directory; one that is there already is an error.
func (f *FS) Mkdir(p string, mode fs.FileMode) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir, name, err := f.parent("mkdir", p)
	if err != nil {
		return err
	}
	if dir.children[name] != nil {
		return &fs.PathError{Op: "mkdir", Path: p, Err: fs.ErrExist}
	}
	dir.children[name] = directory(name, mode)
	return nil
}

// MkdirAll makes a directory and those above it.
func (f *FS) MkdirAll(p string, mode fs.FileMode) error {
	at := ""
	for part := range strings.SplitSeq(strings.Trim(clean(p), "/"), "/") {
		at += "/" + part
		if err := f.Mkdir(at, mode); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// Chmod sets the permission bits.
func (f *FS) Chmod(p string, mode fs.FileMode) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.lookup("chmod", p)
	if err == nil {
		n.mode = n.mode.Type() | mode.Perm()
	}
	return err
}

// Chown sets the owner.
func (f *FS) Chown(p string, uid, gid int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.lookup("chown", p)
	if err == nil {
		n.uid, n.gid = uid, gid
	}
	return err
}
