package ipmi

import (
	"context"
	"encoding/binary"
	"net"
	"strconv"
	"sync/atomic"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/fault"
)

// wire is the UDP socket below the client. It lets through only what has the shape of an answer to us: the client decodes datagrams on
// goroutines of its own, where a panic over one that is cut would end the process; and within a session it would take an answer that
// is neither encrypted nor authenticated. The client does not check the authentication code, so whoever can both read and forge
// datagrams between the lab and its BMCs is not kept out here.
type wire struct {
	net.Conn
	secured atomic.Bool
}

func dial(ctx context.Context, t bmc.Target) (*wire, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "udp", net.JoinHostPort(t.Address, strconv.Itoa(t.Port)))
	if err != nil {
		return nil, fault.New(fault.Transient, "%w", err)
	}
	return &wire{Conn: conn}, nil
}

// Dial gives the client the socket that is open already.
func (w *wire) Dial(string, string) (net.Conn, error) { return w, nil }

// secure ends the handshake: from now on only answers that belong to the session pass.
func (w *wire) secure() { w.secured.Store(true) }

// abort closes the socket, which ends an exchange that waits for an answer.
func (w *wire) abort() { _ = w.Conn.Close() }

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
