package sshd

import (
	"context"
	"io"
	"strings"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"stackstorm-laas/internal/simlab/faults"
	"stackstorm-laas/internal/simlab/peer"
)

// session serves one channel: environment and terminal are accepted and ignored, then one command or SFTP.
func (s *Server) session(ctx context.Context, user string, ch ssh.NewChannel) {
	c, requests, err := ch.Accept()
	if err != nil {
		return
	}
	defer c.Close()
	for r := range requests {
		switch r.Type {
		case "env", "pty-req":
			_ = r.Reply(true, nil)
		case "exec":
			var payload struct{ Command string }
			ok := ssh.Unmarshal(r.Payload, &payload) == nil
			kind := s.faults.At(system, "exec", s.cfg.Host)
			_ = r.Reply(ok && kind != faults.Refuse, nil)
			if ok && kind != faults.Refuse {
				go ssh.DiscardRequests(requests)
				s.exec(ctx, user, c, kind, payload.Command)
			}
			return
		case "subsystem":
			var payload struct{ Name string }
			ok := ssh.Unmarshal(r.Payload, &payload) == nil && payload.Name == "sftp"
			_ = r.Reply(ok, nil)
			if ok {
				go ssh.DiscardRequests(requests)
				s.sftp(ctx, user, c)
			}
			return
		default:
			_ = r.Reply(false, nil)
		}
	}
}

func (s *Server) sftp(ctx context.Context, user string, c ssh.Channel) {
	who, ok := s.account(user)
	if !ok {
		return
	}
	server := sftp.NewRequestServer(&fsync{ReadWriteCloser: c}, files{s, ctx, who}.handlers(), sftp.WithStartDirectory(who.home))
	if server.Serve() == io.EOF {
		exit(c, 0)
	}
	server.Close()
}

// account finds the login on the real disk.
func (s *Server) account(user string) (account, bool) {
	disk := s.world.FS(s.cfg.Host)
	if disk == nil {
		return account{}, false
	}
	return findAccount(disk, user)
}

func (s *Server) exec(ctx context.Context, user string, c ssh.Channel, kind faults.Kind, line string) {
	switch kind {
	case faults.Hang:
		<-ctx.Done()
		return
	case faults.Error500:
		_, _ = io.WriteString(c.Stderr(), "Input/output error\n")
		exit(c, 126)
		return
	case faults.Garbage:
		_, _ = io.WriteString(c, strings.Repeat("\xde\xad\x00", 20))
		exit(c, 0)
		return
	case faults.Slow:
		peer.Wait(ctx, peer.Delay)
	}
	who, ok := s.account(user)
	if !ok {
		return
	}
	exit(c, s.command(who, kind, line, c, c.Stderr()))
}

// command runs a command line where the fault lets it: on the host, on a disk that is only shown, or on one that is thrown away. While
// there is a shown disk, what is really done is done there as well.
func (s *Server) command(who account, kind faults.Kind, line string, stdout, stderr io.Writer) int {
	shown, truth := s.lies.view(), s.world.FS(s.cfg.Host)
	if truth == nil {
		return 255
	}
	pretended := &shell{Server: s, who: who, out: stdout, err: stderr, disk: shown}
	switch {
	case kind == faults.Forget:
		pretended.disk = duplicate(shown)
		return pretended.run(line)
	case kind == faults.Lie:
		pretended.disk, pretended.lie = s.lies.targets(kind)[0], true
		return pretended.run(line)
	}
	sh := &shell{Server: s, who: who, out: stdout, err: stderr, disk: truth, real: true}
	if shown != truth {
		sh.out, sh.err = io.Discard, io.Discard
	}
	status := sh.run(line)
	if sh.wrote {
		s.faults.Wrote(system, "exec", s.cfg.Host)
	}
	if shown != truth {
		return pretended.run(line)
	}
	return status
}

func exit(c ssh.Channel, status int) {
	_, _ = c.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{uint32(status)}))
}
