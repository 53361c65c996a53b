// Package web is what the HTTP servers of the simulated lab have in common: listening on loopback, and misbehaving.
package web

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"stackstorm-laas/internal/simlab/faults"
)

// slowness is how late a slow server answers.
const slowness = 300 * time.Millisecond

// Server is an HTTP server on loopback.
type Server struct {
	listener net.Listener
	http     *http.Server
}

// Serve listens on addr; empty means a free port of 127.0.0.1.
func Serve(addr string, h http.Handler) (*Server, error) { return ServeTLS(addr, h, nil) }

// ServeTLS is Serve over TLS, unless conf is nil. It speaks HTTP/1.1, whose connections can be broken one by one.
func ServeTLS(addr string, h http.Handler, conf *tls.Config) (*Server, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	if conf != nil {
		l = tls.NewListener(l, conf)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{listener: l, http: &http.Server{Handler: h, ReadHeaderTimeout: time.Minute, BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog: log.New(io.Discard, "", 0)}} // clients that trust nobody hang up in the handshake
	s.http.RegisterOnShutdown(cancel)
	go func() {
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			panic(err) // the listener is ours; only a defect ends it early
		}
	}()
	return s, nil
}

// Addr is host:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL is the server's base URL without a slash at its end.
func (s *Server) URL() string { return "http://" + s.Addr() }

// Close ends the server and everybody who hangs in it.
func (s *Server) Close() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = s.http.Shutdown(ctx) // lets hanging requests go
	_ = s.http.Close()
}

// Fault misbehaves as kind says, and says whether the request is thereby answered. Forget and Lie are up to the caller.
func Fault(kind faults.Kind, w http.ResponseWriter, r *http.Request) (answered bool) {
	switch kind {
	case faults.Refuse:
		reset(w)
	case faults.Hang:
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that the client is gone
		<-r.Context().Done()
		panic(http.ErrAbortHandler) // no answer, not even an empty one
	case faults.Error500:
		Page(w, http.StatusInternalServerError)
	case faults.Garbage:
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<html><body>{{ It works! }}</body></html>")
	case faults.Slow:
		select {
		case <-time.After(slowness):
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
		return false
	default:
		return false
	}
	return true
}

// reset ends the connection with a TCP reset.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// Page answers with a status and an HTML page that no client should read.
func Page(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "<!doctype html><html><head><title>"+http.StatusText(status)+"</title></head><body><h1>"+
		http.StatusText(status)+"</h1><p>SECRET_KEY and other settings that belong to nobody</p></body></html>")
}
