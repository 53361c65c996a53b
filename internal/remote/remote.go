// Package remote is SSH and SFTP to a host. A host's key is pinned, every operation ends in time even if the host accepts and never
// answers, and files are replaced as a whole or not at all.
package remote

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/secret"
)

// Config is how the lab logs in.
type Config struct {
	User string
	// Key is the private key in PEM or OpenSSH form, without a passphrase.
	Key secret.String
	// ConnectTimeout bounds connecting and logging in, CommandTimeout each operation after that.
	ConnectTimeout, CommandTimeout time.Duration
}

// Target is the host to log in to.
type Target struct {
	// Host is what errors call it; Address is where it is.
	Host, Address string
	// Port is 22 if 0.
	Port int
	// HostKey is the expected key in authorized-keys form. Empty accepts any; Conn.HostKey then tells which it was.
	HostKey string
}

// Conn is a login on a host. Its operations take turns; one that fails for want of time ends the connection, and later ones
// fail as Transient.
type Conn struct {
	host    string
	hostKey string
	timeout time.Duration

	mu    sync.Mutex
	raw   net.Conn
	ssh   *ssh.Client
	files *sftp.Client
}

// Dial connects and logs in. It makes one attempt. Kinds: Transient when the host does not answer (yet), Credentials when it refuses
// the key, Refused when its host key is not the pinned one, Config when our own key or the pinned one cannot be read.
func Dial(ctx context.Context, cfg Config, target Target) (*Conn, error) {
	c, err := dial(ctx, cfg, target)
	if err != nil {
		return nil, fault.Wrap(err, "log in to %s as %s by SSH at %s", target.Host, cfg.User, target.address())
	}
	return c, nil
}

func dial(ctx context.Context, cfg Config, target Target) (*Conn, error) {
	signer, err := ssh.ParsePrivateKey([]byte(cfg.Key.Reveal()))
	if err != nil {
		// The parser's own text may quote the key.
		return nil, fault.New(fault.Config, "the lab's private key cannot be read").
			WithHint("it must be a PEM or OpenSSH private key without a passphrase")
	}
	pin, err := newPin(target.HostKey)
	if err != nil {
		return nil, err
	}
	if cfg.ConnectTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, cfg.ConnectTimeout)
		defer cancel()
	}
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", target.address())
	if err != nil {
		return nil, ended(ctx, err)
	}
	// The handshake knows no context; closing the connection is what ends it.
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	conn, channels, requests, err := ssh.NewClientConn(raw, target.address(), &ssh.ClientConfig{
		User:              cfg.User,
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyCallback:   pin.check,
		HostKeyAlgorithms: pin.algorithms(),
	})
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		raw.Close()
		return nil, pin.classify(ended(ctx, err))
	}
	return &Conn{
		host: target.Host, hostKey: pin.seen, timeout: cfg.CommandTimeout,
		raw: raw, ssh: ssh.NewClient(conn, channels, requests),
	}, nil
}

func (t Target) address() string {
	port := t.Port
	if port == 0 {
		port = 22
	}
	return net.JoinHostPort(t.Address, strconv.Itoa(port))
}

// HostKey is the host's key in authorized-keys form.
func (c *Conn) HostKey() string { return c.hostKey }

// Close ends the connection. Closing twice is fine.
func (c *Conn) Close() error {
	err := c.ssh.Close()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// limited runs op so that it ends with ctx and with the command timeout: when either is over, the connection is closed, which
// makes whatever op waits for fail.
func (c *Conn) limited(ctx context.Context, op func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	stop := context.AfterFunc(ctx, func() { c.raw.Close() })
	err := op()
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	return ended(ctx, err)
}

// ended tells the reason for which ctx ended instead of the broken connection that is its consequence.
func ended(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	switch cause := context.Cause(ctx); {
	case cause == nil:
		return err
	case errors.Is(cause, context.DeadlineExceeded):
		return fault.New(fault.Transient, "no answer in time")
	default:
		return cause
	}
}

// lastLines is the end of what a command complained, fit for an error.
func lastLines(text string) string {
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	if len(lines) > 3 {
		lines = lines[len(lines)-3:]
	}
	out := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(strings.Join(lines, " / "), " "))
	if len(out) > 400 {
		out = strings.ToValidUTF8(out[len(out)-400:], "")
	}
	return strings.TrimSpace(out)
}
