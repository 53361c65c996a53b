package ipmi

import (
	"time"

	"stackstorm-laas/internal/bmc"
)

// Rest makes a driver believe that its session was last used a long time ago.
func Rest(d bmc.Driver) { d.(*driver).used = time.Now().Add(-2 * idle) }

// Impatient makes a driver wait no longer than that for sessions which others left behind.
func Impatient(d bmc.Driver, linger time.Duration) { d.(*driver).linger = linger }
