// Package directory keeps the lab's accounts in LDAP. Every change is read back, and a login can be tried to prove that an account
// works or is dead.
package directory

import (
	"context"
	"crypto/tls"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-ldap/ldap/v3"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/retry"
	"stackstorm-laas/internal/secret"
)

// Config says where the directory is, who the lab is in it, and where accounts live.
type Config struct {
	// Server is a host, host:port, or a URL with scheme ldap or ldaps.
	Server string
	// Security is starttls, ldaps or none; empty is starttls, or ldaps if Server is such a URL.
	Security string
	// BindDN and Password are the lab's own login.
	BindDN   string
	Password secret.String
	// Accounts are at uid=<uid>,<Branch>,<Base>.
	Base, Branch string
	// Objects are the object classes of a new account; top and inetOrgPerson if empty.
	Objects []string
	// Timeout bounds connecting, and each request.
	Timeout time.Duration
	// Retry repeats what failed for a reason that passes; all operations can be repeated.
	Retry retry.Policy
	// TLS holds the trusted CAs; nil trusts the system's.
	TLS *tls.Config
}

// Account is a user of the lab.
type Account struct {
	UID, CommonName, Surname string
	Password                 secret.String
}

// Directory is a login on the directory as the lab. Its operations take turns; a broken connection is made anew.
type Directory struct {
	cfg    Config
	server server

	mu   sync.Mutex
	conn *ldap.Conn
}

// Open connects and logs in as the lab. A refused login is Credentials and is not repeated.
func Open(ctx context.Context, cfg Config) (*Directory, error) {
	server, err := parseServer(cfg.Server, cfg.Security)
	if err != nil {
		return nil, err
	}
	d := &Directory{cfg: cfg, server: server}
	if err := d.do(ctx, "log in to", func(*ldap.Conn) error { return nil }); err != nil {
		return nil, err
	}
	return d, nil
}

// Close ends the connection. Closing twice is fine.
func (d *Directory) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.drop()
}

func (d *Directory) drop() {
	if d.conn != nil {
		d.conn.Close()
		d.conn = nil
	}
}

// Put adds an account, or sets the password of the one that is there. The password is set by the Password Modify operation, so that
// the server stores it in the form that its policy wants. An account whose password could not be set cannot log in.
func (d *Directory) Put(ctx context.Context, a Account) error {
	dn, err := d.dn(a.UID)
	if err != nil {
		return err
	}
	if a.Password.IsZero() {
		return fault.New(fault.Input, "account %s: the password is empty", a.UID)
	}
	return d.do(ctx, "put account "+a.UID+" into", func(c *ldap.Conn) error {
		if err := c.Add(d.entry(dn, a)); err != nil && !ldap.IsErrorWithCode(err, ldap.LDAPResultEntryAlreadyExists) {
			return err
		}
		_, err := c.PasswordModify(ldap.NewPasswordModifyRequest(dn, "", a.Password.Reveal()))
		if ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) {
			return fault.New(fault.Unproven, "the directory said it was added, but it is not there: %w", err)
		}
		if err != nil {
			return err
		}
		return prove(c, dn, true)
	})
}

// Delete removes an account. A missing one is fine.
func (d *Directory) Delete(ctx context.Context, uid string) error {
	dn, err := d.dn(uid)
	if err != nil {
		return err
	}
	return d.do(ctx, "delete account "+uid+" from", func(c *ldap.Conn) error {
		if err := c.Del(ldap.NewDelRequest(dn, nil)); err != nil && !ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) {
			return err
		}
		return prove(c, dn, false)
	})
}

// Exists says whether there is such an account.
func (d *Directory) Exists(ctx context.Context, uid string) (there bool, err error) {
	dn, err := d.dn(uid)
	if err != nil {
		return false, err
	}
	err = d.do(ctx, "look for account "+uid+" in", func(c *ldap.Conn) error {
		there, err = exists(c, dn)
		return err
	})
	return there, err
}

// List gives the uids that begin with prefix, sorted.
func (d *Directory) List(ctx context.Context, prefix string) (uids []string, err error) {
	base := d.cfg.Branch + "," + d.cfg.Base
	filter := "(uid=" + ldap.EscapeFilter(prefix) + "*)"
	err = d.do(ctx, "list the accounts of", func(c *ldap.Conn) error {
		uids = nil
		res, err := c.SearchWithPaging(ldap.NewSearchRequest(base, ldap.ScopeSingleLevel, ldap.NeverDerefAliases,
			0, 0, false, filter, []string{"uid"}, nil), 200)
		if err != nil {
			return err
		}
		for _, e := range res.Entries {
			if uid := e.GetAttributeValue("uid"); strings.HasPrefix(uid, prefix) {
				uids = append(uids, uid)
			}
		}
		slices.Sort(uids)
		return nil
	})
	return uids, err
}

// TryLogin tries the account's own login on a connection of its own. Nil means accepted; Credentials means that the server answered
// and refused; any other failure proves nothing.
func (d *Directory) TryLogin(ctx context.Context, uid string, password secret.String) error {
	dn, err := d.dn(uid)
	if err != nil {
		return err
	}
	if password.IsZero() {
		return fault.New(fault.Input, "account %s: an empty password would be an anonymous login", uid)
	}
	_, err = retry.Do(ctx, d.cfg.Retry, func() (struct{}, error) {
		c, stop, err := d.server.dial(ctx, d.cfg)
		if err != nil {
			return struct{}{}, err
		}
		defer stop()
		defer c.Close()
		return struct{}{}, ended(ctx, classify(c.Bind(dn, password.Reveal())))
	})
	return fault.Wrap(err, "try the login of account %s at the directory %s", uid, d.server.address)
}

// do runs op on the connection, which it makes first if there is none, and repeats it as configured.
func (d *Directory) do(ctx context.Context, what string, op func(*ldap.Conn) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, err := retry.Do(ctx, d.cfg.Retry, func() (struct{}, error) {
		err := d.once(ctx, op)
		if fault.Is(err, fault.Transient) {
			d.drop()
		}
		return struct{}{}, err
	})
	return fault.Wrap(err, "%s the directory %s", what, d.server.address)
}

func (d *Directory) once(ctx context.Context, op func(*ldap.Conn) error) error {
	if d.conn == nil {
		c, stop, err := d.server.dial(ctx, d.cfg)
		if err != nil {
			return err
		}
		err = ended(ctx, classify(c.Bind(d.cfg.BindDN, d.cfg.Password.Reveal())))
		stop()
		if err != nil {
			c.Close()
			return err
		}
		d.conn = c
	}
	c := d.conn
	stop := context.AfterFunc(ctx, func() { c.Close() })
	err := ended(ctx, classify(op(c)))
	if !stop() {
		d.drop()
	}
	return err
}

// name is what an account may be called: it is a part of DNs and filters, and of what a person types into a VPN client.
var name = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

func (d *Directory) dn(uid string) (string, error) {
	if !name.MatchString(uid) {
		return "", fault.New(fault.Input, "%q cannot be the name of an account: up to 64 of a-z, 0-9, dot, underscore and hyphen", uid)
	}
	return "uid=" + ldap.EscapeDN(uid) + "," + d.cfg.Branch + "," + d.cfg.Base, nil
}

func (d *Directory) entry(dn string, a Account) *ldap.AddRequest {
	objects := d.cfg.Objects
	if len(objects) == 0 {
		objects = []string{"top", "inetOrgPerson"}
	}
	or := func(v, otherwise string) []string {
		if v == "" {
			v = otherwise
		}
		return []string{v}
	}
	add := ldap.NewAddRequest(dn, nil)
	add.Attribute("objectClass", objects)
	add.Attribute("uid", []string{a.UID})
	add.Attribute("cn", or(a.CommonName, a.UID))
	add.Attribute("sn", or(a.Surname, a.UID))
	return add
}

func exists(c *ldap.Conn, dn string) (bool, error) {
	res, err := c.Search(ldap.NewSearchRequest(dn, ldap.ScopeBaseObject, ldap.NeverDerefAliases,
		0, 0, false, "(objectClass=*)", []string{"uid"}, nil))
	if ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) {
		return false, nil
	}
	return err == nil && len(res.Entries) > 0, err
}

// prove reads back whether the account is there.
func prove(c *ldap.Conn, dn string, want bool) error {
	switch there, err := exists(c, dn); {
	case err != nil:
		return err
	case there && !want:
		return fault.New(fault.Unproven, "the directory said it was deleted, but it is still there")
	case !there && want:
		return fault.New(fault.Unproven, "the directory said it was added, but it is not there")
	}
	return nil
}
