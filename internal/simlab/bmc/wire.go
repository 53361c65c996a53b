package bmc

import (
	"net"

	"github.com/bougou/go-ipmi/pkg/protocol"
	"github.com/bougou/go-ipmi/pkg/rmcpplus"
	"github.com/bougou/go-ipmi/pkg/transport"
	"github.com/bougou/go-ipmi/pkg/types"

	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/peer"
)

// junk is no packet of any class of RMCP.
var junk = []byte("\x06\x00\xff\x1fgarbage")

// wire makes logins fail: that happens before there is a session and so before a handler of the server is asked.
type wire struct {
	transport.PacketConn
	server *Server
	// logins holds the fault that each client met when it opened its session; only ReadFrom touches it.
	logins map[string]faults.Kind
	// last are the numbers of the latest datagrams of sessions; only ReadFrom touches it.
	last map[uint32]uint32
}

func (w *wire) ReadFrom(buf []byte) (int, net.Addr, error) {
	for {
		n, addr, err := w.PacketConn.ReadFrom(buf)
		if err != nil || w.pass(buf[:n], addr) {
			return n, addr, err
		}
	}
}

func (w *wire) WriteTo(pkt []byte, addr net.Addr) (int, error) {
	w.server.logins.went(pkt)
	return w.PacketConn.WriteTo(pkt, addr)
}

// pass says whether a packet gets to the server, and answers it otherwise, or not.
func (w *wire) pass(pkt []byte, addr net.Addr) bool {
	session, number, payload, _, body, ok := protocol.ParseRMCPPlusHeader(pkt)
	const rmcpPlus = 0x06
	if !ok || pkt[4] != rmcpPlus {
		return true
	}
	if session != 0 { // a datagram that is sent again is the same one; go-ipmi's server would act on it twice
		again := w.last[session] == number
		w.last[session] = number
		return !again
	}
	w.server.logins.came(types.PayloadType(payload))
	client := addr.String()
	if types.PayloadType(payload) == types.PayloadTypeRmcpOpenSessionRequest {
		delete(w.logins, client)
		if kind := w.server.faults.At(system, "session", w.server.cfg.Host); kind != "" {
			w.logins[client] = kind
		}
	}
	switch w.logins[client] {
	case faults.Hang:
		return false
	case faults.Garbage:
		_, _ = w.WriteTo(junk, addr)
		return false
	case faults.Slow:
		delete(w.logins, client)
		peer.Wait(w.server.ctx, peer.Delay)
	case faults.Error500:
		if types.PayloadType(payload) == types.PayloadTypeRmcpOpenSessionRequest {
			w.noResources(body, addr)
		}
		return false
	case faults.Refuse:
		if types.PayloadType(payload) == types.PayloadTypeRAKPMessage1 {
			w.refuse(body, addr)
			return false
		}
	}
	return true
}

// noResources answers a request to open a session with "insufficient resources".
func (w *wire) noResources(body []byte, addr net.Addr) {
	var req rmcpplus.OpenSessionRequest
	if req.Unpack(body) != nil {
		return
	}
	resp := rmcpplus.OpenSessionResponse{
		MessageTag: req.MessageTag, RmcpStatusCode: types.RmcpStatusCodeNoResToCreateSess, RemoteConsoleSessionID: req.RemoteConsoleSessionID,
	}
	_, _ = w.WriteTo(protocol.BuildRMCPPlusPacket(uint8(types.PayloadTypeRmcpOpenSessionResponse), 0, 0, 0, resp.Pack()), addr)
}

// refuse answers the name of the login with "unauthorized name".
func (w *wire) refuse(body []byte, addr net.Addr) {
	var req rmcpplus.RAKPMessage1
	if req.Unpack(body) != nil {
		return
	}
	s, err := w.server.bmc.Sessions.Get(req.ManagedSystemSessionID)
	if err != nil {
		return
	}
	resp := rmcpplus.RAKPMessage2{MessageTag: req.MessageTag, RmcpStatusCode: types.RmcpStatusCodeUnauthorizedName, RemoteConsoleSessionID: s.ConsoleID}
	_, _ = w.WriteTo(protocol.BuildRMCPPlusPacket(uint8(types.PayloadTypeRAKPMessage2), 0, 0, 0, resp.Pack()), addr)
}
