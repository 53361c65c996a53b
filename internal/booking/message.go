package booking

import (
	"fmt"
	"strings"

	"stackstorm-laas/internal/secret"
)

// What users read in the booking's page on the dashboard. It shows plain text with its newlines; hardware messages are seen by
// every member of the booking, access messages by the user they are for.

// BMCMessage hands over a BMC account.
func BMCMessage(host, address, user string, password secret.String, helpURL string) string {
	return lines(
		fmt.Sprintf("%s is imaged and ready.", host),
		"Its BMC (power and console):",
		"  address:  "+address,
		"  user:     "+user,
		"  password: "+password.Reveal(),
		help(helpURL),
	)
}

// HostMessage tells that a host without a BMC account is ready.
func HostMessage(host string) string { return fmt.Sprintf("%s is imaged and ready.", host) }

// NetworkMessage tells how a host is reached. own are the addresses that it has itself.
func NetworkMessage(host, address string, own []string, note string) string {
	mine := ""
	if len(own) > 0 {
		mine = "  its own: " + strings.Join(own, ", ")
	}
	return lines(fmt.Sprintf("%s: its interfaces are on the networks you booked.", host), "  address: "+address, mine, note)
}

// SSHMessage tells how to log in.
func SSHMessage(user string, addresses []string) string {
	out := []string{"Your SSH key is installed. Log in with:"}
	for _, a := range addresses {
		out = append(out, fmt.Sprintf("  ssh %s@%s", user, a))
	}
	return lines(out...)
}

// VPNMessage hands over a VPN account.
func VPNMessage(user string, password secret.String, helpURL string) string {
	return lines("Your VPN account:", "  user:     "+user, "  password: "+password.Reveal(), help(helpURL))
}

// SnapshotMessage tells which image a snapshot is. The dashboard has no place for its number.
func SnapshotMessage(s *Snapshot) string {
	size := fmt.Sprintf("%.1f GiB on a disk", float64(s.DiskSize)/(1<<30))
	if s.Partitions > 1 {
		size += fmt.Sprintf(", %d partitions", s.Partitions)
	}
	return lines(fmt.Sprintf("The disk of %s is captured, and the host is yours again as it was.", s.Host),
		fmt.Sprintf("  image:  %s, number %d in the lab", s.Name, s.ImageID),
		"  size:   "+size,
		"  made:   "+s.Captured.Format("2006-01-02 15:04 MST"))
}

// ErrorMessage tells why something could not be done.
func ErrorMessage(stage, reason string) string {
	if stage != "" {
		stage = " (at: " + stage + ")"
	}
	return lines("This could not be done"+stage+": "+reason, "The lab's operators can see this too; nothing is needed from you.")
}

// ReleasedMessage tells that a host is free of its booking.
func ReleasedMessage(host string, proofs map[string]string) string {
	out := []string{host + " was taken back:"}
	for _, s := range ReleaseSteps {
		if p := proofs[s.Name]; p != "" {
			out = append(out, "  "+p)
		}
	}
	return lines(out...)
}

func help(url string) string {
	if url == "" {
		return ""
	}
	return "How to use it: " + url
}

func lines(in ...string) string {
	var out []string
	for _, l := range in {
		if l != "" {
			out = append(out, l)
		}
	}
	return strings.Join(out, "\n")
}
