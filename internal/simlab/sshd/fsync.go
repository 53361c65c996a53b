package sshd

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// fsyncName is an extension that OpenSSH's server has and the SFTP library's has not.
const fsyncName = "fsync@openssh.com"

const (
	sftpVersion  = 2
	sftpFsetstat = 10
	sftpExtended = 200
	// maxPacket is more than any client sends.
	maxPacket = 1 << 20
)

// fsync adds the extension to an SFTP stream: it is announced in the server's first packet, and each request for it becomes a change of no
// attributes of the open file, which is answered in the same way.
type fsync struct {
	io.ReadWriteCloser
	in        bytes.Buffer // packets that were read and changed
	out       bytes.Buffer // the first packet, until it is complete
	announced bool
}

func (f *fsync) Read(p []byte) (int, error) {
	if f.in.Len() == 0 {
		var size [4]byte
		if _, err := io.ReadFull(f.ReadWriteCloser, size[:]); err != nil {
			return 0, err
		}
		n := binary.BigEndian.Uint32(size[:])
		if n == 0 || n > maxPacket {
			return 0, errors.New("not an SFTP packet")
		}
		body := make([]byte, n)
		if _, err := io.ReadFull(f.ReadWriteCloser, body); err != nil {
			return 0, err
		}
		body = setNothing(body)
		f.in.Write(binary.BigEndian.AppendUint32(nil, uint32(len(body))))
		f.in.Write(body)
	}
	return f.in.Read(p)
}

// setNothing turns a request to flush a handle into a request to set none of its attributes.
func setNothing(body []byte) []byte {
	name := append(binary.BigEndian.AppendUint32(nil, uint32(len(fsyncName))), fsyncName...)
	if body[0] != sftpExtended || len(body) < 5 || !bytes.HasPrefix(body[5:], name) {
		return body
	}
	out := append([]byte{sftpFsetstat}, body[1:5]...)
	out = append(out, body[5+len(name):]...)
	return append(out, 0, 0, 0, 0)
}

func (f *fsync) Write(p []byte) (int, error) {
	if f.announced {
		return f.ReadWriteCloser.Write(p)
	}
	f.out.Write(p)
	have := f.out.Bytes()
	if len(have) < 4 || len(have) < 4+int(binary.BigEndian.Uint32(have)) {
		return len(p), nil
	}
	f.announced = true
	size := binary.BigEndian.Uint32(have)
	body, rest := bytes.Clone(have[4:4+size]), bytes.Clone(have[4+size:])
	if body[0] == sftpVersion {
		for _, s := range []string{fsyncName, "1"} {
			body = append(binary.BigEndian.AppendUint32(body, uint32(len(s))), s...)
		}
	}
	packet := append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
	_, err := f.ReadWriteCloser.Write(append(packet, rest...))
	return len(p), err
}
