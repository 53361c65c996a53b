package ovs

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"stackstorm-laas/internal/fault"
)

// What is spoken here is JSON-RPC 1.0 as RFC 7047 has it: JSON values one after the other on a connection, in both directions.

// maxAnswer bounds what is read from one connection.
const maxAnswer = 64 << 20

const hintManager = "on the switch: ovs-vsctl get-manager, and ovs-vsctl set-manager pssl:6640 (or ptcp:6640 on a network that nobody else is on)"

// database is a connection to an OVSDB server. It is used by one goroutine.
type database struct {
	conn net.Conn
	in   *json.Decoder
	stop func() bool
	next int
}

// dial connects to tcp:HOST:PORT, ssl:HOST:PORT or unix:PATH. The connection ends with ctx.
func dial(ctx context.Context, address string, t *tls.Config) (*database, error) {
	kind, rest, _ := strings.Cut(address, ":")
	network, d := kind, net.Dialer{}
	if kind == "ssl" {
		network = "tcp"
	}
	conn, err := d.DialContext(ctx, network, rest)
	if err != nil {
		return nil, fault.New(fault.Transient, "%w", err).WithHint(hintManager)
	}
	if kind == "ssl" {
		if t == nil {
			t = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		t = t.Clone()
		t.ServerName, _, _ = net.SplitHostPort(rest)
		secure := tls.Client(conn, t)
		if err := secure.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, insecure(err)
		}
		conn = secure
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	return &database{conn: conn, in: json.NewDecoder(io.LimitReader(conn, maxAnswer)), stop: context.AfterFunc(ctx, func() { conn.Close() })}, nil
}

// insecure tells a certificate that is not trusted from a connection that broke.
func insecure(err error) error {
	var untrusted *tls.CertificateVerificationError
	var plain tls.RecordHeaderError
	if errors.As(err, &untrusted) || errors.As(err, &plain) {
		return fault.New(fault.Config, "TLS: %w", err).WithHint("tls.ca_file must hold the CA of the switch's certificate, and the certificate must name the switch as its address does (subjectAltName)")
	}
	return fault.New(fault.Transient, "TLS: %w", err)
}

func (db *database) close() {
	db.stop()
	db.conn.Close()
}

// message is a request, a notification or an answer.
type message struct {
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  json.RawMessage `json:"error"`
	ID     json.RawMessage `json:"id"`
}

// call makes one request and waits for its answer. In between the server asks whether we are alive.
func (db *database) call(method string, params, result any) error {
	db.next++
	id := fmt.Sprint(db.next)
	if err := json.NewEncoder(db.conn).Encode(map[string]any{"method": method, "params": params, "id": db.next}); err != nil {
		return broken(err)
	}
	for {
		var m message
		if err := db.in.Decode(&m); err != nil {
			return broken(err)
		}
		switch {
		case m.Method == "echo":
			err := json.NewEncoder(db.conn).Encode(map[string]any{"result": m.Params, "error": nil, "id": m.ID})
			if err != nil {
				return broken(err)
			}
		case m.Method != "" || string(m.ID) != id: // a notification that nobody asked for
		case len(m.Error) > 0 && string(m.Error) != "null":
			return refusal(m.Error)
		default:
			if err := json.Unmarshal(m.Result, result); err != nil {
				return fault.New(fault.Failed, "the answer to %s cannot be understood: %w", method, err)
			}
			return nil
		}
	}
}

// broken is a connection that ended or does not speak JSON.
func broken(err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fault.New(fault.Failed, "the answer is not OVSDB's: %w", err).WithHint("check the switch's address, and that an OVSDB server listens there")
	}
	return fault.New(fault.Transient, "the connection to the OVSDB server broke: %w", err)
}

// transact runs operations on the database Open_vSwitch, all or none, and gives their results.
func (db *database) transact(ops ...operation) ([]result, error) {
	params := []any{"Open_vSwitch"}
	for _, op := range ops {
		params = append(params, op)
	}
	var raw []json.RawMessage
	if err := db.call("transact", params, &raw); err != nil {
		return nil, err
	}
	out := make([]result, len(raw))
	for i, text := range raw {
		if string(text) == "null" {
			continue // not run, because of an error that stands elsewhere in the list
		}
		if err := json.Unmarshal(text, &out[i]); err != nil {
			return nil, fault.New(fault.Failed, "the answer to a transaction cannot be understood: %w", err)
		}
		if out[i].Error != "" {
			return nil, refusal(text)
		}
	}
	if len(out) < len(ops) {
		return nil, fault.New(fault.Failed, "the server answered %d of %d operations", len(out), len(ops))
	}
	return out, nil
}

// errTimedOut is what an operation "wait" ends with when its condition does not come true.
var errTimedOut = errors.New("timed out")

func refusal(text json.RawMessage) error {
	var e struct{ Error, Details string }
	if json.Unmarshal(text, &e) != nil {
		_ = json.Unmarshal(text, &e.Error) // some errors are a text only
	}
	why := strings.TrimSuffix(e.Error+": "+e.Details, ": ")
	if len(why) > 300 {
		why = strings.ToValidUTF8(why[:300], "")
	}
	switch e.Error {
	case "timed out":
		return fault.New(fault.Transient, "%w", errTimedOut)
	case "permission error":
		return fault.New(fault.Credentials, "the OVSDB server says: %s", why).WithHint("the role of the pack's certificate must be allowed to write the tables Port, Interface and Open_vSwitch")
	}
	return fault.New(fault.Failed, "the OVSDB server says: %s", why)
}

// operation is one of RFC 7047 section 5.2.
type operation map[string]any

func selectAll(table string, columns ...string) operation {
	return operation{"op": "select", "table": table, "where": []any{}, "columns": columns}
}

func update(table string, where []any, row map[string]any) operation {
	return operation{"op": "update", "table": table, "where": where, "row": row}
}

func mutate(table string, where []any, mutations ...any) operation {
	return operation{"op": "mutate", "table": table, "where": where, "mutations": mutations}
}

// wait holds the transaction until the rows have these values, or else lets it fail with errTimedOut.
func wait(patience time.Duration, table string, where []any, row map[string]any) operation {
	var columns []string
	for c := range row {
		columns = append(columns, c)
	}
	return operation{"op": "wait", "timeout": patience.Milliseconds(), "table": table, "where": where, "columns": columns, "until": "==", "rows": []any{row}}
}

type result struct {
	Error string `json:"error"`
	Rows  []row  `json:"rows"`
}

type row map[string]json.RawMessage

// set makes OVSDB's notation of a set.
func set[T any](values ...T) any {
	if values == nil {
		values = []T{}
	}
	return []any{"set", values}
}

// dict makes OVSDB's notation of a map.
func dict(m map[string]string) any {
	pairs := [][2]string{}
	for k, v := range m {
		pairs = append(pairs, [2]string{k, v})
	}
	return []any{"map", pairs}
}

// list reads a column that is a set: a set of one may be written without the word.
func list[T any](r row, column string) (out []T, err error) {
	raw, ok := r[column]
	if !ok {
		return nil, fault.New(fault.Failed, "the OVSDB server does not tell the column %s", column)
	}
	var tagged []json.RawMessage
	var word string
	if json.Unmarshal(raw, &tagged) == nil && len(tagged) == 2 && json.Unmarshal(tagged[0], &word) == nil && word == "set" {
		err = json.Unmarshal(tagged[1], &out)
	} else {
		out = make([]T, 1)
		err = json.Unmarshal(raw, &out[0])
	}
	if err != nil {
		return nil, fault.New(fault.Failed, "column %s cannot be understood: %w", column, err)
	}
	return out, nil
}

// texts reads a column that is a map of texts.
func texts(r row, column string) (map[string]string, error) {
	var word string
	var pairs [][2]string
	if err := json.Unmarshal(r[column], &[]any{&word, &pairs}); err != nil || word != "map" {
		return nil, fault.New(fault.Failed, "column %s is no map", column)
	}
	out := make(map[string]string, len(pairs))
	for _, p := range pairs {
		out[p[0]] = p[1]
	}
	return out, nil
}
