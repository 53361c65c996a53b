package bmctest

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// silence is a port, of UDP and of TCP, that takes everything and answers nothing.
func silence(t *testing.T) int {
	t.Helper()
	for range 100 {
		udp, err := net.ListenPacket("udp", "127.0.0.1:0")
		require.NoError(t, err)
		tcp, err := net.Listen("tcp", udp.LocalAddr().String())
		if err != nil { // somebody else has that port
			udp.Close()
			continue
		}
		t.Cleanup(func() {
			udp.Close()
			tcp.Close()
		})
		return udp.LocalAddr().(*net.UDPAddr).Port
	}
	require.Fail(t, "no port is free")
	return 0
}
