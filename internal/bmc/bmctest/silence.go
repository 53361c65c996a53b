package bmctest

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// silence is a UDP port that takes everything and answers nothing.
func silence(t *testing.T) int {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn.LocalAddr().(*net.UDPAddr).Port
}
