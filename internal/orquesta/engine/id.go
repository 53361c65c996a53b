package engine

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"sync/atomic"
	"time"
)

var ids atomic.Uint32

// newID makes an identifier of StackStorm's form, 24 hexadecimal digits that grow with time.
func newID() string {
	return fmt.Sprintf("%08x%08x%08x", uint32(time.Now().Unix()), 0x6c616173, ids.Add(1))
}

// newToken makes a bearer token.
func newToken() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
