package actions

import (
	"time"

	"stackstorm-laas/internal/config"
)

// Budgets are the longest times of the stages that actions are made of, with all retries. An action's budget is the sum of
// its stages; StackStorm's timeout is computed from the same sums under the configuration's maxima.

// records is the datastore and execution calls around an action: plan, journal, fence, inventory, credentials, checkpoints.
func records(c *config.Config) time.Duration { return 16 * (c.ST2.Retry.D() + c.ST2.Timeout.D()) }

func fogCalls(c *config.Config, n int) time.Duration {
	return time.Duration(n) * (c.FOG.Retry.D() + c.FOG.Timeout.D())
}

func dashboardCalls(c *config.Config, n int) time.Duration {
	return time.Duration(n) * (c.Dashboard.Retry.D() + c.Dashboard.Timeout.D())
}

// bmcSession is the wait for another action's session, a login and up to 40 exchanges: a list of accounts takes that many.
func bmcSession(c *config.Config) time.Duration {
	return leaseWait(c) + c.BMC.Retry.D() + patiently(c, 40*exchange(c))
}

// powerSession is one with few exchanges, which is all that power takes.
func powerSession(c *config.Config) time.Duration {
	return leaseWait(c) + c.BMC.Retry.D() + patiently(c, 10*exchange(c))
}

// patiently is what one session takes with a BMC that is busy in between: all repeats begin within bmc.retry, and the last may take as long as the whole.
func patiently(c *config.Config, session time.Duration) time.Duration {
	return session + c.BMC.Retry.D() + session
}

// accountSession is one in which accounts are made or cleared. Over Redfish each slot and each session is read by itself; over IPMI sessions that
// tenants left open are waited for, for a good minute.
func accountSession(c *config.Config) time.Duration {
	return leaseWait(c) + c.BMC.Retry.D() + patiently(c, 100*exchange(c)+75*time.Second)
}

// exchange is a command to a BMC, sent up to three times, and its answer.
func exchange(c *config.Config) time.Duration { return c.BMC.Timeout.D() + 3*c.BMC.MinInterval.D() }

// power is one change of power state, proven.
func power(c *config.Config) time.Duration { return exchange(c) + c.BMC.PowerTimeout.D() }

// softPower is a shut-down with its grace, proven.
func softPower(c *config.Config) time.Duration {
	return 2*exchange(c) + c.BMC.SoftGrace.D() + c.BMC.PowerTimeout.D()
}

// sshSession is a login and up to 20 commands and files.
func sshSession(c *config.Config) time.Duration {
	return c.SSH.ConnectTimeout.D() + 20*c.SSH.CommandTimeout.D()
}

// switchChange is a look at the list of VLANs, the making of those that are missing and the proof, then a read, a write, a read back, and
// the same to put things back.
func switchChange(c *config.Config) time.Duration {
	read, write := c.Network.Retry.D()+c.Network.Timeout.D(), c.Network.Timeout.D()
	return 3*read + write + 4*read + 3*write
}

// switchReads is the look at the ports of one host on up to four switches, each of which may be told to save.
func switchReads(c *config.Config) time.Duration {
	return 4 * (c.Network.Retry.D() + 2*c.Network.Timeout.D())
}

// ldap is a connection and up to ten operations.
func ldap(c *config.Config) time.Duration { return c.VPN.Retry.D() + 10*c.VPN.Timeout.D() }

// sum makes a budget of stages.
func sum(stages ...func(*config.Config) time.Duration) func(*config.Config) time.Duration {
	return func(c *config.Config) time.Duration {
		var total time.Duration
		for _, s := range stages {
			total += s(c)
		}
		return total
	}
}
