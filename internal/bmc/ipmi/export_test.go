package ipmi

import (
	"time"

	"stackstorm-laas/internal/bmc"
)

// Rest makes a driver believe that its session was last used a long time ago.
func Rest(d bmc.Driver) { d.(*driver).used = time.Now().Add(-2 * idle) }
