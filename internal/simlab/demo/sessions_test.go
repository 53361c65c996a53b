package demo_test

import (
	"testing"
	"time"

	"github.com/bougou/go-ipmi/pkg/client"
	"github.com/bougou/go-ipmi/pkg/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/simlab/demo"
)

// A tenant who stays logged in to the BMC could switch the next tenant's host: the session goes on without the account.
func TestATenantWhoStaysLoggedInToTheBMCIsThrownOut(t *testing.T) {
	t.Parallel()
	b := bodies(t, "01", "06")
	p := open(t, demo.Options{Bodies: b, Slack: patient})
	p.dispatch(b[0])
	p.asBooked()
	user, password := login(t, p.tasks("hardware")[0].Message)
	held, err := client.NewClient("127.0.0.1", p.Lab.BMC(host).Port(), user, password)
	require.NoError(t, err)
	held.WithInterface(client.InterfaceLanplus).WithCipherSuiteID(types.CipherSuiteID(17)).WithMaxPrivilegeLevel(types.PrivilegeLevelOperator).WithTimeout(time.Second)
	require.NoError(t, held.Connect(p.ctx))
	defer func() { _ = held.Close(p.ctx) }()
	_, err = held.GetChassisStatus(p.ctx)
	require.NoError(t, err)

	p.dispatch(b[1])
	p.asBefore()
	p.allAre(booking.StatusDone, "hardware")
	_, err = held.GetChassisStatus(p.ctx)
	assert.Error(t, err)
	assert.Equal(t, "off", p.host().Power)
}
