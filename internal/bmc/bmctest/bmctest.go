// Package bmctest holds the drivers, and the BMCs that tests run them against, to what package bmc promises.
package bmctest

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/secret"
)

// Opts says how to use the driver, and what the BMC at hand cannot do.
type Opts struct {
	Open     func(context.Context, bmc.Target) (bmc.Driver, error)
	TryLogin func(context.Context, bmc.Target) error
	// NoBootFlags is a BMC that keeps the boot device only, not whether it is valid, persistent or EFI.
	NoBootFlags bool
	// Cuts is a BMC that takes passwords of 20 bytes and keeps 16.
	Cuts bool
	// Starts counts how often the host has started, as the host itself knows it: a reset, or a cycle that is quick, does not show in the power state.
	Starts func() int
	// Health is what the BMC has to tell of a host with power; nil for one that tells nothing.
	Health *bmc.Health
	// OwnSlots is a BMC whose slots 1 and 2 mean nothing: no account but the lab's own is out of bounds.
	OwnSlots bool
	// Deletes is a BMC that has no slots for accounts: what is cleared is gone.
	Deletes bool
	// Interval is between two looks at a state that takes a while.
	Interval time.Duration
}

// The passwords are of the two lengths that matter to IPMI.
var (
	password16 = secret.New("Kp7.sixteen-byte")
	another16  = secret.New("Zk4.other-16-one")
	password20 = secret.New("Kp7.twenty-byte-word")
)

// Boss is an administrator beside the one that drivers log in as.
const (
	Boss         = "boss"
	BossPassword = "Bs5.other-admin"
)

// Conformance runs a driver against a BMC that has two administrators, target's login and Boss in a slot above 2, and free slots above 2.
func Conformance(t *testing.T, target bmc.Target, opts Opts) {
	s := &suite{target: target, opts: opts}
	if s.opts.Interval == 0 {
		s.opts.Interval = 20 * time.Millisecond
	}
	for _, c := range []struct {
		name string
		run  func(*suite, *testing.T, bmc.Driver)
	}{
		{"power goes on and off and stays when it is there already", (*suite).power},
		{"the boot device is kept", (*suite).boot},
		{"boot flags are kept or refused, never lost in silence", (*suite).bootFlags},
		{"an account is made, works, is changed in place, and is dead after clearing", (*suite).accounts},
		{"a password of 20 bytes is kept or refused, never cut in silence", (*suite).longPassword},
		{"a slot that was cleared is used again", (*suite).reuse},
		{"the administrator's slot is left alone", (*suite).protected},
		{"another administrator is no tenant, whatever his name", (*suite).administrators},
		{"bad names and passwords are refused before anything is sent", (*suite).input},
		{"the administrator's password is changed, and the old one dies", (*suite).adminPassword},
		{"how the hardware is, is told, and what is not told is named", (*suite).health},
		{"a wrong password and an unknown user are told from a BMC that does not answer", (*suite).logins},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(s, t, s.open(t)) })
	}
}

type suite struct {
	target bmc.Target
	opts   Opts
}

func (s *suite) open(t *testing.T) bmc.Driver {
	t.Helper()
	d, err := s.opts.Open(t.Context(), s.target)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Close()) })
	return d
}

func (s *suite) reach(t *testing.T, d bmc.Driver, want bmc.PowerState) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	require.NoError(t, bmc.Reach(ctx, d, want, s.opts.Interval))
}

func (s *suite) power(t *testing.T, d bmc.Driver) {
	ctx := t.Context()
	require.NoError(t, d.SetPower(ctx, bmc.PowerOff))
	s.reach(t, d, bmc.Off)
	require.NoError(t, d.SetPower(ctx, bmc.PowerOff))
	require.NoError(t, d.SetPower(ctx, bmc.PowerSoft))
	for _, action := range []bmc.PowerAction{bmc.PowerCycle, bmc.PowerReset} {
		err := d.SetPower(ctx, action)
		assert.Equal(t, fault.Refused, fault.KindOf(err), "%s without power: %v", action, err)
	}
	s.reach(t, d, bmc.Off)

	for _, action := range []bmc.PowerAction{bmc.PowerOn, bmc.PowerReset, bmc.PowerCycle} {
		before := s.opts.Starts()
		require.NoError(t, d.SetPower(ctx, action))
		require.Eventually(t, func() bool { return s.opts.Starts() > before }, 20*time.Second, s.opts.Interval, "the BMC accepted power %s, and the host did not start", action)
		s.reach(t, d, bmc.On)
		assert.Equal(t, before+1, s.opts.Starts(), "%s", action)
	}
	before := s.opts.Starts()
	require.NoError(t, d.SetPower(ctx, bmc.PowerOn))
	s.reach(t, d, bmc.On)
	assert.Equal(t, before, s.opts.Starts(), "on does nothing to a host that runs")
	assert.Equal(t, fault.Input, fault.KindOf(d.SetPower(ctx, "explode")))
}

func (s *suite) boot(t *testing.T, d bmc.Driver) {
	for _, device := range []bmc.Device{bmc.DevicePXE, bmc.DeviceDisk, bmc.DeviceBIOS, bmc.DeviceNone, bmc.DevicePXE} {
		require.NoError(t, d.SetBootDevice(t.Context(), bmc.Boot{Device: device}))
		if s.opts.NoBootFlags {
			continue
		}
		have, err := d.BootDevice(t.Context())
		require.NoError(t, err)
		assert.Equal(t, bmc.Boot{Device: device}, have)
	}
	assert.Equal(t, fault.Input, fault.KindOf(d.SetBootDevice(t.Context(), bmc.Boot{Device: "cow"})))
}

func (s *suite) bootFlags(t *testing.T, d bmc.Driver) {
	want := bmc.Boot{Device: bmc.DevicePXE, Persistent: true, EFI: true}
	err := d.SetBootDevice(t.Context(), want)
	if s.opts.NoBootFlags {
		assert.Equal(t, fault.Unproven, fault.KindOf(err), "%v", err)
		return
	}
	require.NoError(t, err)
	have, err := d.BootDevice(t.Context())
	require.NoError(t, err)
	assert.Equal(t, want, have)
}

func (s *suite) as(name string, password secret.String) bmc.Target {
	t := s.target
	t.User, t.Password = name, password
	return t
}

func (s *suite) account(t *testing.T, d bmc.Driver, slot int) bmc.Account {
	t.Helper()
	list, err := d.Accounts(t.Context())
	require.NoError(t, err)
	for _, a := range list {
		if a.Slot == slot {
			return a
		}
	}
	require.Failf(t, "no such slot", "%d in %v", slot, list)
	return bmc.Account{}
}

// enabled says whether the slot holds an account that may log in. A slot that is gone holds none.
func (s *suite) enabled(t *testing.T, d bmc.Driver, slot int) bool {
	t.Helper()
	list, err := d.Accounts(t.Context())
	require.NoError(t, err)
	return slices.ContainsFunc(list, func(a bmc.Account) bool { return a.Slot == slot && a.Enabled })
}

func (s *suite) accounts(t *testing.T, d bmc.Driver) {
	ctx := t.Context()
	slot, err := d.PutAccount(ctx, "opnfv", password16)
	require.NoError(t, err)
	if !s.opts.OwnSlots {
		require.Greater(t, slot, 2)
	}
	assert.Equal(t, bmc.Account{Slot: slot, Name: "opnfv", Enabled: true, Privilege: "operator"}, s.account(t, d, slot))
	require.NoError(t, s.opts.TryLogin(ctx, s.as("opnfv", password16)))

	again, err := d.PutAccount(ctx, "opnfv", another16)
	require.NoError(t, err)
	assert.Equal(t, slot, again, "the slot that has the name already")
	require.NoError(t, s.opts.TryLogin(ctx, s.as("opnfv", another16)))
	s.refused(t, "opnfv", password16)

	require.NoError(t, d.ClearAccount(ctx, slot))
	assert.False(t, s.enabled(t, d, slot))
	s.refused(t, "opnfv", another16)
	require.NoError(t, s.opts.TryLogin(ctx, s.target), "the administrator's login works on")
	if !s.opts.Deletes {
		require.NoError(t, d.ClearAccount(ctx, slot), "clearing twice is fine")
	}
}

func (s *suite) longPassword(t *testing.T, d bmc.Driver) {
	ctx := t.Context()
	slot, err := d.PutAccount(ctx, "long", password20)
	if s.opts.Cuts {
		assert.Contains(t, []fault.Kind{fault.Unproven, fault.Refused}, fault.KindOf(err), "%v", err)
	} else {
		require.NoError(t, err)
		require.NoError(t, s.opts.TryLogin(ctx, s.as("long", password20)))
		s.refused(t, "long", secret.New(password20.Reveal()[:16]))
	}
	if slot != 0 {
		require.NoError(t, d.ClearAccount(ctx, slot))
		s.refused(t, "long", password20)
	}
}

func (s *suite) reuse(t *testing.T, d bmc.Driver) {
	ctx := t.Context()
	first, err := d.PutAccount(ctx, "first", password16)
	require.NoError(t, err)
	require.NoError(t, d.ClearAccount(ctx, first))
	second, err := d.PutAccount(ctx, "first", password16)
	require.NoError(t, err)
	assert.Equal(t, first, second)
	require.NoError(t, s.opts.TryLogin(ctx, s.as("first", password16)))
	require.NoError(t, d.ClearAccount(ctx, second))
	s.refused(t, "first", password16)
}

func (s *suite) protected(t *testing.T, d bmc.Driver) {
	ctx := t.Context()
	_, err := d.PutAccount(ctx, s.target.User, password16)
	assert.Equal(t, fault.Refused, fault.KindOf(err), "%v", err)
	list, err := d.Accounts(ctx)
	require.NoError(t, err)
	for _, a := range list {
		if a.Slot <= 2 && !s.opts.OwnSlots || a.Name == s.target.User {
			assert.Equal(t, fault.Refused, fault.KindOf(d.ClearAccount(ctx, a.Slot)), "slot %d", a.Slot)
		}
	}
	require.NoError(t, s.opts.TryLogin(ctx, s.target))
	assert.Equal(t, fault.Input, fault.KindOf(d.ClearAccount(ctx, 99)))
}

func (s *suite) administrators(t *testing.T, d bmc.Driver) {
	ctx := t.Context()
	boss := s.as(Boss, secret.New(BossPassword))
	require.NoError(t, s.opts.TryLogin(ctx, boss), "the BMC at hand has to have him")
	before, err := d.Accounts(ctx)
	require.NoError(t, err)
	_, err = d.PutAccount(ctx, Boss, password16)
	assert.Equal(t, fault.Refused, fault.KindOf(err), "%v", err)
	after, err := d.Accounts(ctx)
	require.NoError(t, err)
	assert.Equal(t, before, after)
	require.NoError(t, s.opts.TryLogin(ctx, boss))
	s.refused(t, Boss, password16)
}

func (s *suite) input(t *testing.T, d bmc.Driver) {
	for name, password := range map[string]secret.String{
		"":                  password16,
		"a b":               password16,
		"seventeen-letters": password16,
		"empty":             secret.New(""),
		"long":              secret.New("twenty-one-bytes-long"),
	} {
		_, err := d.PutAccount(t.Context(), name, password)
		assert.Equal(t, fault.Input, fault.KindOf(err), "%s: %v", name, err)
	}
}

func (s *suite) logins(t *testing.T, _ bmc.Driver) {
	s.refused(t, s.target.User, secret.New("wrong"))
	silent := s.target
	silent.Port, silent.Timeout = silence(t), 200*time.Millisecond
	err := s.opts.TryLogin(t.Context(), silent)
	assert.Equal(t, fault.Transient, fault.KindOf(err), "%v", err)
	_, err = s.opts.Open(t.Context(), silent)
	assert.Equal(t, fault.Transient, fault.KindOf(err), "%v", err)
	bad := s.as(s.target.User, secret.New("wrong"))
	_, err = s.opts.Open(t.Context(), bad)
	assert.Equal(t, fault.Credentials, fault.KindOf(err), "%v", err)
}

// refused demands that the BMC answers and refuses.
func (s *suite) refused(t *testing.T, name string, password secret.String) {
	t.Helper()
	err := s.opts.TryLogin(t.Context(), s.as(name, password))
	assert.Equal(t, fault.Credentials, fault.KindOf(err), "%s: %v", name, err)
}

func (s *suite) adminPassword(t *testing.T, d bmc.Driver) {
	changer, ok := d.(bmc.AdminPassword)
	if !ok {
		t.Skip("the driver does not change the administrator's password")
	}
	ctx := t.Context()
	for _, bad := range []string{"", strings.Repeat("x", 21)} {
		assert.Equal(t, fault.Input, fault.KindOf(changer.SetAdminPassword(ctx, secret.New(bad))))
	}
	old, fresh := s.target, s.target
	fresh.Password = secret.New("n3wSecret.Admin1")
	require.NoError(t, changer.SetAdminPassword(ctx, fresh.Password))
	t.Cleanup(func() { // the BMC is the other tests' too
		ctx := context.WithoutCancel(ctx)
		d, err := s.opts.Open(ctx, fresh)
		require.NoError(t, err)
		require.NoError(t, d.(bmc.AdminPassword).SetAdminPassword(ctx, old.Password))
		require.NoError(t, d.Close())
	})
	_, err := d.PowerState(ctx)
	require.NoError(t, err, "the driver goes on")
	assert.Equal(t, fault.Credentials, fault.KindOf(s.opts.TryLogin(ctx, old)))
	require.NoError(t, s.opts.TryLogin(ctx, fresh))
}
