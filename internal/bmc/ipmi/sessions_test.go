package ipmi_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/bougou/go-ipmi/pkg/client"
	"github.com/bougou/go-ipmi/pkg/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/bmc/ipmi"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/secret"
)

// tenantAtWork makes an account and gives a session of it that its owner keeps open.
func tenantAtWork(t *testing.T, d bmc.Driver, target bmc.Target) (slot int, held *client.Client, leave func()) {
	t.Helper()
	const password = "sixteen-or-less"
	slot, err := d.PutAccount(t.Context(), "tenant", secret.New(password))
	require.NoError(t, err)
	held, err = client.NewClient(target.Address, target.Port, "tenant", password)
	require.NoError(t, err)
	held.WithInterface(client.InterfaceLanplus).WithCipherSuiteID(types.CipherSuiteID(3)).WithMaxPrivilegeLevel(types.PrivilegeLevelOperator).WithTimeout(time.Second)
	require.NoError(t, held.Connect(t.Context()))
	leave = sync.OnceFunc(func() { _ = held.Close(context.WithoutCancel(t.Context())) })
	t.Cleanup(leave)
	return slot, held, leave
}

func TestASessionOfAnAccountThatIsClearedIsClosed(t *testing.T) {
	target, s, _ := lab(t)
	d, err := ipmi.Open(t.Context(), target)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Close()) })
	slot, held, _ := tenantAtWork(t, d, target)
	_, err = held.GetChassisStatus(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, s.Sessions())

	require.NoError(t, d.ClearAccount(t.Context(), slot))
	assert.Equal(t, 1, s.Sessions(), "only the lab's own")
	_, err = held.GetChassisStatus(t.Context())
	assert.Error(t, err)
	require.NoError(t, d.EndSessions(t.Context(), bmc.Account{Slot: slot}), "there are none")
	assert.Equal(t, fault.Refused, fault.KindOf(d.EndSessions(t.Context(), bmc.Account{Slot: 2, Name: "admin"})))
	_, err = d.PowerState(t.Context())
	require.NoError(t, err)
}

// ipmi_sim lets nobody close another's session, and goes on with one whose account is gone. So do many BMCs.
func TestRealIPMISimGoesOnWithASessionAndThatIsToldInsteadOfHidden(t *testing.T) {
	target, _ := startSim(t)
	d, err := ipmi.Open(t.Context(), target)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Close()) })
	ipmi.Impatient(d, 100*time.Millisecond)
	slot, held, leave := tenantAtWork(t, d, target)
	err = d.ClearAccount(t.Context(), slot)
	assert.Equal(t, fault.Unproven, fault.KindOf(err), "%v", err)
	assert.ErrorContains(t, err, "goes on")
	assert.NotEmpty(t, fault.HintOf(err))
	_, err = held.GetChassisStatus(t.Context())
	require.NoError(t, err, "it does go on")
	assert.Equal(t, fault.Unproven, fault.KindOf(d.EndSessions(t.Context(), bmc.Account{Slot: slot, Name: "tenant"})), "also when it is asked for later")

	leave()
	require.NoError(t, d.EndSessions(t.Context(), bmc.Account{Slot: slot, Name: "tenant"}))
	require.NoError(t, d.ClearAccount(t.Context(), slot))
}

func TestABMCThatTellsOfNoSessionsIsBelieved(t *testing.T) {
	target, _ := startServer(t)
	d, err := ipmi.Open(t.Context(), target)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Close()) })
	slot, _, _ := tenantAtWork(t, d, target)
	require.NoError(t, d.ClearAccount(t.Context(), slot))
}
