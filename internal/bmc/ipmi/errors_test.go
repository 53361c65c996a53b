package ipmi

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"testing"

	"github.com/bougou/go-ipmi/pkg/client"
	"github.com/bougou/go-ipmi/pkg/types"
	"github.com/stretchr/testify/assert"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/fault"
)

func TestWhatTheClientReturnsHasItsKind(t *testing.T) {
	status := func(c types.RmcpStatusCode) error { return fmt.Errorf("rakp: %w", types.NewRmcpStatusError(c)) }
	code := func(c types.CompletionCode) error {
		return fmt.Errorf("command: %w", types.NewResponseError(c, "text"))
	}
	for _, c := range []struct {
		name string
		err  error
		kind fault.Kind
	}{
		{"unknown user", status(types.RmcpStatusCodeUnauthorizedName), fault.Credentials},
		{"wrong integrity check value", status(types.RmcpStatusCodeInvalidIntegrityCheckValue), fault.Credentials},
		{"wrong password, seen by us", fmt.Errorf("rakp2: %w", client.ErrRAKPAuthentication), fault.Credentials},
		{"role not allowed", status(types.RmcpStatusCodeUnauthorizedRoleOfPriLevel), fault.Credentials},
		{"privilege not sufficient", code(types.CodeInsufficientPrivilege), fault.Credentials},
		{"no session free", status(types.RmcpStatusCodeNoResToCreateSess), fault.Transient},
		{"no session free for the role", status(types.RmcpStatusCodeNoResToCreateSessAtRole), fault.Transient},
		{"the session is gone", status(types.RmcpStatusCodeInvalidSessionID), fault.Transient},
		{"node busy", code(types.CodeNodeBusy), fault.Transient},
		{"processing time-out", code(types.CodeProcessTimeout), fault.Transient},
		{"initialising", code(types.CodeCannotProvideResponseBMCInitialize), fault.Transient},
		{"no answer", fmt.Errorf("udp: %w", &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}), fault.Transient},
		{"our own limit", fmt.Errorf("udp: %w", context.DeadlineExceeded), fault.Transient},
		{"an answer that is no IPMI", fmt.Errorf("unpack: %w", types.ErrUnpackedDataTooShort), fault.Transient},
		{"cipher suite unknown", status(types.RmcpStatusCodeNoCipherSuiteMatch), fault.Failed},
		{"invalid command", code(types.CodeInvalidCommand), fault.Failed},
		{"not in this state", code(types.CodeNotSupported), fault.Failed},
		{"illegal parameter", status(types.RmcpStatusCodeIllegalParameter), fault.Failed},
		{"known already", fault.New(fault.Unproven, "x"), fault.Unproven},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.kind, fault.KindOf(classify(c.err))) })
	}
	assert.NoError(t, classify(nil))
}

func TestASlotIsChosen(t *testing.T) {
	list := []bmc.Account{
		{Slot: 1}, {Slot: 2, Name: "admin", Enabled: true}, {Slot: 3, Name: "backup", Enabled: true},
		{Slot: 4, Name: "leftover"}, {Slot: 5, Enabled: true}, {Slot: 6}, {Slot: 7},
	}
	for _, c := range []struct {
		name string
		list []bmc.Account
		slot int // 0 is refused
	}{
		{"leftover", list, 4},
		{"backup", list, 3},
		{"tenant", list, 6},
		{"admin", list, 0},
		{"tenant", list[:5], 0},
		{"tenant", nil, 0},
	} {
		t.Run(fmt.Sprintf("%s among %d", c.name, len(c.list)), func(t *testing.T) {
			slot, err := place(c.list, c.name)
			assert.Equal(t, c.slot, slot)
			assert.Equal(t, c.slot == 0, fault.Is(err, fault.Refused), "%v", err)
		})
	}
}

func TestOnlyDatagramsOfTheSessionPass(t *testing.T) {
	packet := func(flags byte, id uint32, size int, payload int) []byte {
		p := []byte{0x06, 0x00, 0xff, 0x07, 0x06, flags}
		p = binary.LittleEndian.AppendUint32(p, id)
		p = binary.LittleEndian.AppendUint32(p, 1)
		p = binary.LittleEndian.AppendUint16(p, uint16(size))
		return append(p, make([]byte, payload)...)
	}
	for _, c := range []struct {
		name    string
		packet  []byte
		secured bool
		passes  bool
	}{
		{"an answer of the handshake", packet(0x11, 0, 36, 36), false, true},
		{"the same one in a session", packet(0x11, 0, 36, 36), true, false},
		{"an answer in a session", packet(0xc0, 0xa0a1a2a3, 32, 50), true, true},
		{"one before there is a session", packet(0xc0, 0xa0a1a2a3, 32, 50), false, false},
		{"one that is not encrypted", packet(0x40, 0xa0a1a2a3, 32, 50), true, false},
		{"one that is not authenticated", packet(0x80, 0xa0a1a2a3, 32, 50), true, false},
		{"one cut short", packet(0xc0, 0xa0a1a2a3, 48, 32), true, false},
		{"one without a whole block", packet(0xc0, 0xa0a1a2a3, 16, 32), true, false},
		{"one of a broken block", packet(0xc0, 0xa0a1a2a3, 33, 50), true, false},
		{"IPMI 1.5", append([]byte{0x06, 0x00, 0xff, 0x07, 0x00}, make([]byte, 40)...), true, false},
		{"an RMCP pong", append([]byte{0x06, 0x00, 0xff, 0x06, 0x06}, make([]byte, 40)...), false, false},
		{"text", []byte("HTTP/1.1 400 Bad Request\r\n\r\n"), false, false},
		{"nothing", nil, false, false},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.passes, wellFormed(c.packet, c.secured)) })
	}
}
