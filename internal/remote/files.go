package remote

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"sort"
	"strings"
	"time"

	"github.com/pkg/sftp"

	"stackstorm-laas/internal/fault"
)

// ReadFile gives a file's content, or NotFound.
func (c *Conn) ReadFile(ctx context.Context, name string) (data []byte, err error) {
	err = c.sftp(ctx, "read "+name, func(s *sftp.Client) error {
		data, err = read(s, name)
		return err
	})
	return data, err
}

// WriteFile replaces a file as a whole: it is written beside its place under a random name, flushed where the server can, moved there
// in one step and read back. What an earlier one left there when it was killed is removed. The directory must exist. The new file belongs to the
// user who is logged in, and has one writer at a time.
func (c *Conn) WriteFile(ctx context.Context, name string, data []byte, mode fs.FileMode) error {
	return c.sftp(ctx, "write "+name, func(s *sftp.Client) error {
		if err := tidy(s, name); err != nil {
			return err
		}
		temp := path.Join(path.Dir(name), beside(name)+rand.Text())
		if err := create(s, temp, data, mode); err != nil {
			_ = s.Remove(temp)
			return err
		}
		if err := s.PosixRename(temp, name); err != nil {
			_ = s.Remove(temp)
			if errors.Is(err, fs.ErrNotExist) {
				return fault.New(fault.Unproven, "%s is not there although the host said it was written", temp)
			}
			return err
		}
		return verify(s, name, data)
	})
}

// beside is how temporary files of a file begin; as many characters follow as rand.Text gives.
func beside(name string) string { return "." + path.Base(name) + "." }

// tidy removes what writers of a file left beside it.
func tidy(s *sftp.Client, name string) error {
	entries, err := s.ReadDir(path.Dir(name))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if random, ours := strings.CutPrefix(e.Name(), beside(name)); ours && len(random) == len(rand.Text()) && e.Mode().IsRegular() {
			if err := s.Remove(path.Join(path.Dir(name), e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// Remove deletes a file. A missing one is fine.
func (c *Conn) Remove(ctx context.Context, name string) error {
	return c.sftp(ctx, "remove "+name, func(s *sftp.Client) error {
		if err := s.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if _, err := s.Lstat(name); err == nil {
			return fault.New(fault.Unproven, "it is still there although the host said it was removed")
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
}

// RemoveAll deletes a directory with all that is in it, or a file. A missing one is fine.
func (c *Conn) RemoveAll(ctx context.Context, name string) error {
	return c.sftp(ctx, "remove "+name, func(s *sftp.Client) error {
		if err := removeAll(s, name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if _, err := s.Lstat(name); err == nil {
			return fault.New(fault.Unproven, "it is still there although the host said it was removed")
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
}

// removeAll follows no links.
func removeAll(s *sftp.Client, name string) error {
	info, err := s.Lstat(name)
	if err != nil || !info.IsDir() {
		if err == nil {
			err = s.Remove(name)
		}
		return err
	}
	entries, err := s.ReadDir(name)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := removeAll(s, path.Join(name, e.Name())); err != nil {
			return err
		}
	}
	return s.RemoveDirectory(name)
}

// Rename moves a file in one step, over one that is there already; NotFound when it is not there itself.
func (c *Conn) Rename(ctx context.Context, from, to string) error {
	return c.sftp(ctx, "move "+from, func(s *sftp.Client) error {
		if _, err := s.Lstat(from); err != nil {
			return err
		}
		if err := s.PosixRename(from, to); err != nil {
			return err
		}
		if _, err := s.Lstat(from); err == nil {
			return fault.New(fault.Unproven, "it is still there although the host said it was moved")
		}
		if _, err := s.Lstat(to); err != nil {
			return fault.New(fault.Unproven, "it is not at %s although the host said it was moved there: %w", to, err)
		}
		return nil
	})
}

// MkdirAll makes a directory and its parents. mode is given to the directory itself, whether new or not.
func (c *Conn) MkdirAll(ctx context.Context, name string, mode fs.FileMode) error {
	return c.sftp(ctx, "make directory "+name, func(s *sftp.Client) error {
		if err := s.MkdirAll(name); err != nil {
			return err
		}
		return s.Chmod(name, mode)
	})
}

// Chown gives a file to a user and group.
func (c *Conn) Chown(ctx context.Context, name string, uid, gid int) error {
	return c.sftp(ctx, "change the owner of "+name, func(s *sftp.Client) error { return s.Chown(name, uid, gid) })
}

// Modified tells when a file was last written, by the host's clock, or NotFound. Links are followed.
func (c *Conn) Modified(ctx context.Context, name string) (at time.Time, err error) {
	err = c.sftp(ctx, "look at "+name, func(s *sftp.Client) error {
		info, err := s.Stat(name)
		if err == nil {
			at = info.ModTime()
		}
		return err
	})
	return at, err
}

// List gives the names in a directory, sorted, or NotFound.
func (c *Conn) List(ctx context.Context, dir string) (names []string, err error) {
	err = c.sftp(ctx, "list "+dir, func(s *sftp.Client) error {
		entries, err := s.ReadDir(dir)
		for _, e := range entries {
			names = append(names, e.Name())
		}
		sort.Strings(names)
		return err
	})
	return names, err
}

func read(s *sftp.Client, name string) ([]byte, error) {
	f, err := s.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxOutput+1))
	if err == nil && len(data) > maxOutput {
		return nil, fault.New(fault.Failed, "it is larger than %d bytes", maxOutput)
	}
	return data, err
}

func create(s *sftp.Client, name string, data []byte, mode fs.FileMode) (err error) {
	f, err := s.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	// Before the content, which may not be for everybody's eyes.
	if err := f.Chmod(mode); err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	if _, can := s.HasExtension("fsync@openssh.com"); can {
		return f.Sync()
	}
	return nil
}

func verify(s *sftp.Client, name string, want []byte) error {
	have, err := read(s, name)
	switch {
	case err != nil:
		return fault.New(fault.Unproven, "it could not be read back: %w", err)
	case !bytes.Equal(have, want):
		return fault.New(fault.Unproven, "it holds something else although the host said it was written")
	}
	return nil
}

// sftp runs op with the connection's SFTP session, which it opens when it is first needed.
func (c *Conn) sftp(ctx context.Context, what string, op func(*sftp.Client) error) error {
	err := c.limited(ctx, func() error {
		if c.files == nil {
			client, err := sftp.NewClient(c.ssh)
			if err != nil {
				return lost(err)
			}
			c.files = client
		}
		return fileError(op(c.files))
	})
	return fault.Wrap(err, "%s on %s", what, c.host)
}

func fileError(err error) error {
	var known *fault.Error
	var status *sftp.StatusError
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.Is(err, fs.ErrNotExist):
		return fault.New(fault.NotFound, "%w", err)
	case errors.Is(err, fs.ErrPermission):
		return fault.New(fault.Refused, "%w", err)
	case errors.As(err, &status):
		return fault.New(fault.Failed, "%w", err)
	}
	return lost(err)
}
