package nxos

import (
	"context"
	"regexp"
	"strconv"
	"strings"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/netswitch"
	"stackstorm-laas/internal/retry"
)

// address is how NX-OS writes one: 48df.371d.1300.
var address = regexp.MustCompile(`^([0-9a-f]{2})([0-9a-f]{2})\.([0-9a-f]{2})([0-9a-f]{2})\.([0-9a-f]{2})([0-9a-f]{2})$`)

// Learned implements netswitch.Learner. The table has the switch's own addresses, too, which are in no VLAN ("-") or on no port of this name; they are left out.
func (d *driver) Learned(ctx context.Context) ([]netswitch.Learned, error) {
	answers, err := retry.Do(ctx, d.cfg.Retry, func() ([]answer, error) { return d.post(ctx, show, []string{"show mac address-table"}) })
	if err != nil {
		return nil, fault.Wrap(err, "read the addresses that switch %s has seen", d.cfg.Switch)
	}
	var out []netswitch.Learned
	for _, r := range rows(answers[0].body, "TABLE_mac_address.ROW_mac_address") {
		mac := address.FindStringSubmatch(strings.ToLower(strings.TrimSpace(r.Get("disp_mac_addr").String())))
		if mac == nil {
			return nil, fault.New(fault.Failed, "read the addresses that switch %s has seen: one of them is not like 48df.371d.1300", d.cfg.Switch)
		}
		id, err := strconv.Atoi(strings.TrimSpace(r.Get("disp_vlan").String()))
		port := r.Get("disp_port").String()
		if err != nil || !portName.MatchString(port) {
			continue
		}
		out = append(out, netswitch.Learned{MAC: strings.Join(mac[1:], ":"), Port: port, VLAN: id})
	}
	return out, nil
}
