package ipmi

import (
	"context"
	"encoding/binary"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/fault"
)

// wire is the UDP socket below the client. It lets through only what has the shape of an answer to us: the client decodes datagrams on
// goroutines of its own, where a panic over one that is cut would end the process; and within a session it would take an answer that
// is neither encrypted nor authenticated. The client does not check the authentication code, so whoever can both read and forge
// datagrams between the lab and its BMCs is not kept out here.
type wire struct {
	net.Conn
	target  bmc.Target
	secured atomic.Bool
	hurried atomic.Bool
	closed  chan struct{}
	once    sync.Once
}

func dial(ctx context.Context, t bmc.Target) (*wire, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "udp", net.JoinHostPort(t.Address, strconv.Itoa(t.Port)))
	if err != nil {
		return nil, fault.New(fault.Transient, "%w", err)
	}
	return newWire(conn, t), nil
}

func newWire(conn net.Conn, t bmc.Target) *wire {
	return &wire{Conn: conn, target: t, closed: make(chan struct{})}
}

// Dial gives the client the socket that is open already.
func (w *wire) Dial(string, string) (net.Conn, error) { return w, nil }

// secure ends the handshake: from now on only answers that belong to the session pass.
func (w *wire) secure() { w.secured.Store(true) }

// past is a time that every wait is over at.
var past = time.Unix(1, 0)

// interrupt ends an exchange that waits for an answer, and all that follow until resume. The socket stays open for a last word.
func (w *wire) interrupt() {
	w.hurried.Store(true)
	_ = w.Conn.SetReadDeadline(past)
}

func (w *wire) resume() { w.hurried.Store(false) }

// SetReadDeadline is what the client does before it waits.
func (w *wire) SetReadDeadline(t time.Time) error {
	if w.hurried.Load() {
		t = past
	}
	return w.Conn.SetReadDeadline(t)
}

// abort closes the socket, which ends an exchange that waits for an answer.
func (w *wire) abort() {
	w.once.Do(func() {
		close(w.closed)
		_ = w.Conn.Close()
	})
}

// Close is what the client does at the end of a session.
func (w *wire) Close() error {
	w.abort()
	return nil
}

// Write sends a datagram when it is its turn. The client counts its time-out from then. What goes to the serial console is no command and does not wait: a BMC that hears no
// acknowledgement in time sends the same again.
func (w *wire) Write(p []byte) (int, error) {
	if !console(p) {
		w.target.Turn(w.closed)
	}
	return w.Conn.Write(p)
}

// console says whether a datagram carries Serial over LAN.
func console(p []byte) bool {
	return len(p) > rmcpHeader+1 && p[4] == authRMCPPlus && p[5]&payloadType == payloadSOL
}

func (w *wire) Read(p []byte) (int, error) {
	for {
		n, err := w.Conn.Read(p)
		if err != nil || wellFormed(p[:n], w.secured.Load()) {
			return n, err
		}
	}
}

// The layout of an RMCP+ datagram, IPMI 2.0 tables 13-3 and 13-8.
const (
	rmcpHeader    = 4
	sessionHeader = 12
	authRMCPPlus  = 0x06
	flagEncrypted = 0x80
	flagAuthentic = 0x40
	payloadType   = 0x3f
	payloadSOL    = 0x01
	aesBlock      = 16
)

func wellFormed(p []byte, secured bool) bool {
	if len(p) < rmcpHeader+sessionHeader || p[0] != 0x06 || p[3] != 0x07 || p[4] != authRMCPPlus {
		return false
	}
	flags, id := p[5], binary.LittleEndian.Uint32(p[6:])
	size := int(binary.LittleEndian.Uint16(p[14:]))
	if len(p) < rmcpHeader+sessionHeader+size {
		return false
	}
	if !secured {
		return flags&(flagEncrypted|flagAuthentic) == 0
	}
	return flags&flagEncrypted != 0 && flags&flagAuthentic != 0 && id != 0 && size >= 2*aesBlock && size%aesBlock == 0
}
