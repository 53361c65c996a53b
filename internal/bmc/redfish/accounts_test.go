package redfish_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/bmc/redfish"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/secret"
	"stackstorm-laas/internal/simlab/faults"
	simredfish "stackstorm-laas/internal/simlab/redfish"
)

func TestNoSlotIsLeft(t *testing.T) {
	for name, cfg := range map[string]simredfish.Config{"slots": {}, "made": {Posted: true}} {
		t.Run(name, func(t *testing.T) {
			target, s, _, _ := lab(t, cfg)
			d := open(t, target)
			for i := 0; ; i++ {
				if _, err := s.AddUser(string(rune('a'+i))+"-user", "x"); err != nil {
					break
				}
			}
			before := s.Accounts()
			err := put(t.Context(), d)
			assert.Equal(t, fault.Refused, fault.KindOf(err), "%v", err)
			assert.NotEmpty(t, fault.HintOf(err))
			assert.Equal(t, before, s.Accounts())
		})
	}
}

func TestAnAdministratorIsNoTenant(t *testing.T) {
	target, s, _, _ := lab(t, simredfish.Config{})
	slot, err := s.AddUser("root", "calvin")
	require.NoError(t, err)
	d := open(t, target)
	_, err = d.PutAccount(t.Context(), "root", secret.New("sixteen-or-less"))
	assert.Equal(t, fault.Refused, fault.KindOf(err), "%v", err)
	assert.True(t, s.Login("root", "calvin"))
	// One that somebody made behind the lab's back is cleared nevertheless, when the caller says so.
	require.NoError(t, d.ClearAccount(t.Context(), slot))
	assert.False(t, s.Login("root", "calvin"))
	assert.Equal(t, []string{"admin"}, s.Users())
}

// On the simulated BMC, as on some real ones, a session goes on when its account is gone.
func TestNobodyGoesOnInASessionOfAnAccountThatIsCleared(t *testing.T) {
	for name, cfg := range map[string]simredfish.Config{"slots": {}, "made": {Posted: true}} {
		t.Run(name, func(t *testing.T) {
			target, s, _, w := lab(t, cfg)
			d := open(t, target)
			tenant := target
			tenant.User, tenant.Password = "tenant", secret.New("sixteen-or-less")
			slot, err := d.PutAccount(t.Context(), tenant.User, tenant.Password)
			require.NoError(t, err)
			held, err := redfish.Open(t.Context(), tenant)
			require.NoError(t, err)
			require.NoError(t, powerOn(t.Context(), held), "an operator may")
			require.Equal(t, 2, s.Sessions())

			require.NoError(t, d.ClearAccount(t.Context(), slot))
			assert.Equal(t, 1, s.Sessions(), "only the lab's own")
			err = held.SetPower(t.Context(), bmc.PowerOff)
			assert.Equal(t, fault.Credentials, fault.KindOf(err), "%v", err)
			assert.True(t, w.Power("hpe1"))
			require.NoError(t, held.Close())
			_, err = d.PowerState(t.Context())
			require.NoError(t, err)
		})
	}
}

func TestTheBIOSPasswordIsChangedByWhoKnowsTheOldOne(t *testing.T) {
	for name, cfg := range map[string]simredfish.Config{
		"by the action": {}, "by the settings": {BIOSSettings: true}, "by the settings, with their tag": {BIOSSettings: true, Strict: true},
	} {
		t.Run(name, func(t *testing.T) {
			target, s, f, _ := lab(t, cfg)
			d := open(t, target).(bmc.BIOSPassword)
			one, two := secret.New("One.password-1"), secret.New("Two.password-2")
			require.NoError(t, d.SetBIOSPassword(t.Context(), secret.String{}, one))
			assert.Equal(t, one.Reveal(), s.BIOSPassword())
			err := d.SetBIOSPassword(t.Context(), two, two)
			assert.Equal(t, fault.Failed, fault.KindOf(err), "%v", err)
			require.NoError(t, d.SetBIOSPassword(t.Context(), one, two))
			assert.Equal(t, two.Reveal(), s.BIOSPassword())
			f.Add(faults.Fault{System: "bmc", Op: "bios", Kind: faults.Error500})
			err = d.SetBIOSPassword(t.Context(), two, one)
			assert.Equal(t, fault.Transient, fault.KindOf(err), "%v", err)
			f.Heal()
			require.NoError(t, d.SetBIOSPassword(t.Context(), two, secret.String{}))
			assert.Empty(t, s.BIOSPassword())
		})
	}
}

// The specification lets an account look at itself, and leaves it to the BMC what else it sees.
func TestALoginThatWorksIsNotToldAsRefused(t *testing.T) {
	for name, cfg := range map[string]simredfish.Config{
		"it sees its own account only":         {},
		"it sees that there are others":        {Accounts: simredfish.Listed},
		"it does not even see its own account": {Accounts: simredfish.Hidden},
	} {
		t.Run(name, func(t *testing.T) {
			target, _, _, _ := lab(t, cfg)
			d := open(t, target)
			tenant := target
			tenant.User, tenant.Password = "tenant", secret.New("sixteen-or-less")
			slot, err := d.PutAccount(t.Context(), tenant.User, tenant.Password)
			require.NoError(t, err)
			require.NoError(t, redfish.TryLogin(t.Context(), tenant))
			wrong := tenant
			wrong.Password = secret.New("another-password")
			assert.Equal(t, fault.Credentials, fault.KindOf(redfish.TryLogin(t.Context(), wrong)))

			require.NoError(t, d.ClearAccount(t.Context(), slot))
			assert.Equal(t, fault.Credentials, fault.KindOf(redfish.TryLogin(t.Context(), tenant)), "now it is refused")
		})
	}
}

func TestWhatABMCRefusesAfterALoginIsNotTheLogin(t *testing.T) {
	for name, status := range map[string]int{"it does not know the session": http.StatusUnauthorized, "it shows nothing": http.StatusForbidden} {
		t.Run(name, func(t *testing.T) {
			target, s, _, _ := lab(t, simredfish.Config{})
			front, asked := unlucky(t, target, func(r *http.Request) bool { return r.URL.Path == "/redfish/v1/AccountService" },
				func(w http.ResponseWriter, _ func()) { w.WriteHeader(status) })
			err := redfish.TryLogin(t.Context(), front)
			assert.False(t, fault.Is(err, fault.Credentials), "%v", err)
			assert.NotZero(t, asked.Load())
			assert.Zero(t, s.Sessions())
		})
	}
}
