package ovs_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/netswitch"
	"stackstorm-laas/internal/netswitch/ovs"
	"stackstorm-laas/internal/retry"
)

// Answers of a server with one port p1, an access port in VLAN 10.
const (
	nextIs7 = `[{"rows":[{"next_cfg":7}]}]`
	isDone  = `[{}]`
	onePort = `[{"rows":[{"name":"p1","tag":10,"trunks":["set",[]],"vlan_mode":"access","external_ids":["map",[]],"interfaces":["uuid","i1"]}]},
		{"rows":[{"_uuid":["uuid","i1"],"name":"p1","type":"","options":["map",[]],"mtu":1500,"mtu_request":["set",[]],"ofport":1,"external_ids":["map",[]]}]}]`
	timedOut = `[{},{},{"error":"timed out","details":"\"wait\" timed out"},null,null,null,null]`
)

// script is an OVSDB server that answers each request with the next of its texts. "ECHO" before an answer makes it ask first whether
// the client is alive; "HANG" never answers; "DROP" closes the connection; "RAW" sends the rest as it is.
type script struct {
	mu       sync.Mutex
	answers  []string
	requests []string
}

func (s *script) serve(t *testing.T, l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go s.talk(t, conn)
	}
}

func (s *script) talk(t *testing.T, conn net.Conn) {
	defer conn.Close()
	in := json.NewDecoder(bufio.NewReader(conn))
	for {
		var req struct {
			Method string
			Params json.RawMessage
			ID     json.RawMessage
		}
		if in.Decode(&req) != nil {
			return
		}
		s.mu.Lock()
		s.requests = append(s.requests, string(req.Params))
		answer := ""
		if len(s.answers) > 0 {
			answer, s.answers = s.answers[0], s.answers[1:]
		}
		s.mu.Unlock()
		if rest, ok := strings.CutPrefix(answer, "ECHO"); ok {
			answer = rest
			_, _ = io.WriteString(conn, `{"method":"update","params":[null],"id":null}{"method":"echo","params":["alive?"],"id":"echo"}`)
			var alive struct {
				Result []string
				ID     string
			}
			if assert.NoError(t, in.Decode(&alive)) {
				assert.Equal(t, "echo alive?", alive.ID+" "+strings.Join(alive.Result, " "))
			}
		}
		switch {
		case answer == "HANG":
			_, _ = io.Copy(io.Discard, conn)
			return
		case answer == "" || answer == "DROP":
			return
		case strings.HasPrefix(answer, "RAW"):
			_, _ = io.WriteString(conn, answer[3:])
			return
		case strings.HasPrefix(answer, "ERROR"):
			_, _ = io.WriteString(conn, `{"id":`+string(req.ID)+`,"result":null,"error":`+answer[5:]+`}`)
		default:
			_, _ = io.WriteString(conn, `{"id":`+string(req.ID)+`,"result":`+answer+`,"error":null}`)
		}
	}
}

// seen are the requests so far.
func (s *script) seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

func scripted(t *testing.T, change func(*ovs.Config), answers ...string) (netswitch.Driver, *script) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	s := &script{answers: answers}
	go s.serve(t, l)
	cfg := ovs.Config{Switch: "sw1", Address: "tcp:" + l.Addr().String(), Timeout: 5 * time.Second,
		Retry: retry.Policy{Initial: time.Millisecond, Max: time.Millisecond, Elapsed: time.Second}}
	if change != nil {
		change(&cfg)
	}
	d, err := ovs.New(cfg)
	require.NoError(t, err)
	return d, s
}

func TestTheServerIsToldThatWeAreAlive(t *testing.T) {
	d, s := scripted(t, nil, "ECHO"+nextIs7, isDone, "ECHO"+onePort)
	have, err := d.Read(t.Context(), []string{"p1"})
	require.NoError(t, err)
	assert.Equal(t, netswitch.Port{Name: "p1", Mode: "access", Native: 10, MTU: 1500}, have["p1"])
	require.Len(t, s.seen(), 3)
	assert.Contains(t, s.seen()[1], `"op":"wait"`, "what is read is in force")
	assert.Contains(t, s.seen()[1], `,7]]`)
}

func TestReadsAreRepeatedAfterABrokenConnection(t *testing.T) {
	d, _ := scripted(t, nil, nextIs7, "DROP", nextIs7, isDone, onePort)
	_, err := d.Read(t.Context(), []string{"p1"})
	assert.NoError(t, err)
}

func TestAWriteIsMadeOnceAndAllOfItOrNothing(t *testing.T) {
	want := []netswitch.Port{{Name: "p1", Native: 20, MTU: 9000}}
	for _, c := range []struct {
		name    string
		answers []string
		kind    fault.Kind
		text    string
	}{
		{"somebody else was faster", []string{nextIs7, isDone, onePort, timedOut}, fault.Failed, "nothing was written"},
		{"the answer is lost", []string{nextIs7, isDone, onePort, "DROP"}, fault.Transient, "broke"},
		{"the connection is lost before the write", []string{nextIs7, isDone, "DROP"}, fault.Failed, "broke"},
		{"a constraint is violated", []string{nextIs7, isDone, onePort, `[{},{"error":"constraint violation","details":"no such tag"},null,null,null,null,null]`}, fault.Failed, "no such tag"},
		{"the role may not", []string{nextIs7, isDone, onePort, `[{"error":"permission error","details":"Port"},null,null,null,null,null,null]`}, fault.Credentials, "permission error"},
		{"fewer results than operations", []string{nextIs7, isDone, onePort, `[{}]`}, fault.Failed, "answered 1 of"},
		{"another database", []string{`ERROR{"error":"unknown database","details":""}`}, fault.Failed, "unknown database"},
		{"an error that is a text", []string{`ERROR"unknown method"`}, fault.Failed, "unknown method"},
		{"not OVSDB", []string{"RAWHTTP/1.1 400 Bad Request\r\n\r\n"}, fault.Failed, "not OVSDB"},
		{"no switch in the database", []string{`[{"rows":[]}]`}, fault.Failed, "no switch"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, s := scripted(t, nil, c.answers...)
			err := d.Write(t.Context(), want)
			assert.Equal(t, c.kind, fault.KindOf(err), "%v", err)
			assert.ErrorContains(t, err, c.text)
			assert.ErrorContains(t, err, "sw1")
			assert.Len(t, s.seen(), len(c.answers), "nothing is tried twice")
		})
	}
}

func TestAServerThatHangsIsGivenUp(t *testing.T) {
	d, _ := scripted(t, func(c *ovs.Config) { c.Timeout, c.Retry = 50*time.Millisecond, retry.Policy{} }, "HANG")
	_, err := d.Read(t.Context(), []string{"p1"})
	assert.Equal(t, fault.Transient, fault.KindOf(err), "%v", err)
}

func TestAddressesThatAreNone(t *testing.T) {
	for _, a := range []string{"", "sw1", "sw1:6640", "https://sw1", "ssl:sw1", "tcp:", "unix:", "unix:db.sock", "ptcp:6640"} {
		_, err := ovs.New(ovs.Config{Switch: "sw1", Address: a})
		assert.Equal(t, fault.Config, fault.KindOf(err), "%q: %v", a, err)
	}
}
