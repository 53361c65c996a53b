package actions

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"stackstorm-laas/internal/action"
	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/booking"
	"stackstorm-laas/internal/config"
	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/inventory"
)

// readAtOnce is how many BMCs a report talks to side by side.
const readAtOnce = 16

// bmcRow is how one host's BMC stands.
type bmcRow struct {
	Host     string `json:"host"`
	Protocol string `json:"protocol"`
	// Power is on, off, or unknown.
	Power    string `json:"power"`
	Firmware string `json:"firmware"`
	Serial   string `json:"serial"`
	Verdict  string `json:"verdict"`
	// Reason is why the verdict is not ok, or what could not be read.
	Reason string `json:"reason"`
	// Foreign are the slots of accounts that are neither the lab's nor the tenant's.
	Foreign []int `json:"foreign"`
}

type bmcReportResult struct {
	action.Result
	// Failed are hosts whose BMC could not be read.
	Failed []string `json:"failed"`
	Rows   []bmcRow `json:"hosts"`
}

var bmcReport = &action.Action{
	Name: "bmc_report",
	Description: "One row for each host: power, the BMC's protocol and firmware, how the hardware is and why, and accounts on the BMC that do not belong there. " +
		"A BMC that does not answer is a row that says so. Nothing is changed.",
	Params: []action.Param{{Name: "hosts", Type: action.String, Description: "Names of hosts, with commas between them. Leave empty for all. Example: hpe13, hpe14"}},
	Output: []action.Field{{Name: "hosts", Description: "The rows: host, protocol, power, firmware, serial, verdict (as of laas.bmc_health), reason, foreign (slots of accounts that are neither in the BMC's baseline nor a tenant's)."},
		{Name: "failed", Description: "Hosts whose BMC could not be read."}},
	Budget: sum(records, allBMCs),
	Run: func(ctx context.Context, c *action.Call) (any, error) {
		l := open(c)
		inv, unusable, err := inventory.LoadUsable(ctx, c.ST2)
		if err != nil {
			return nil, err
		}
		names, err := someHosts(inv, c.Params.String("hosts"))
		if err != nil {
			return nil, err
		}
		rows := make([]bmcRow, len(names))
		g := errgroup.Group{}
		g.SetLimit(readAtOnce)
		for i, name := range names {
			g.Go(func() error {
				rows[i] = bmcRow{Host: name, Power: "unknown", Verdict: bmc.SensorUnknown, Foreign: []int{}}
				host := inv.Hosts[name]
				if host == nil {
					rows[i].Reason = plain("the inventory entry is wrong: "+unusable[name], 300)
					return nil
				}
				if err := l.look(ctx, host, &rows[i]); err != nil {
					rows[i].Reason = plain(err.Error(), 300)
				}
				return nil
			})
		}
		_ = g.Wait()
		return tally(rows), ctx.Err()
	},
}

// allBMCs is the time for as many hosts as three rounds have, whose BMCs are all as slow as they may be.
func allBMCs(c *config.Config) time.Duration { return 3 * (bmcSession(c) + healthRead(c)) }

// someHosts are those that are named, or all.
func someHosts(inv *inventory.Inventory, named string) ([]string, error) {
	names := strings.FieldsFunc(named, func(r rune) bool { return r == ',' || r == ' ' })
	if len(names) == 0 {
		return inv.Names, nil
	}
	var unknown []string
	for _, n := range names {
		if !slices.Contains(inv.Names, n) {
			unknown = append(unknown, n)
		}
	}
	if len(unknown) > 0 {
		return nil, fault.New(fault.Input, "the inventory has no host named %s", strings.Join(unknown, ", ")).WithHint("laas inventory show lists them")
	}
	return names, nil
}

// look fills a row as far as it gets.
func (l *lab) look(ctx context.Context, host *inventory.Host, row *bmcRow) error {
	if host.BMC == nil {
		return fault.New(fault.Config, "it has no BMC in the inventory")
	}
	row.Protocol = host.BMC.Protocol
	d, err := l.bmc(ctx, host)
	if err != nil {
		return err
	}
	defer d.Close()
	state, err := d.PowerState(ctx)
	if err != nil {
		return err
	}
	row.Power = string(state)
	h, err := health(ctx, d, host, someEvents)
	if err != nil {
		return err
	}
	v := judge(h)
	row.Firmware, row.Serial, row.Verdict, row.Reason = plain(h.Machine.Firmware, 80), plain(h.Machine.Serial, 80), v.Verdict, strings.Join(v.Reasons, "; ")
	if v.Verdict == bmc.SensorUnknown {
		row.Reason = plain(strings.Join(h.Unread, "; "), 300)
	}
	foreign, err := l.foreign(ctx, d, host.Name)
	if err != nil {
		row.Reason = strings.TrimPrefix(row.Reason+"; accounts: "+plain(err.Error(), 300), "; ")
	}
	row.Foreign = append(row.Foreign, foreign...)
	return nil
}

// foreign are the slots of the accounts that are neither the lab's nor the tenant's who has the host.
func (l *lab) foreign(ctx context.Context, d bmc.Accounts, host string) (slots []int, err error) {
	owner, err := l.Owner(ctx, host)
	if err != nil {
		return nil, err
	}
	var tenant *booking.BMCAccount
	if owner != nil {
		tenant = &booking.BMCAccount{User: l.Config.BMC.TenantUser}
	}
	accounts, err := l.strangers(ctx, d, host, tenant)
	for _, a := range accounts {
		if !tenants(a, tenant) {
			slots = append(slots, a.Slot)
		}
	}
	return slots, err
}

func tally(rows []bmcRow) bmcReportResult {
	out := bmcReportResult{Failed: []string{}, Rows: rows}
	count, foreign := map[string]int{}, 0
	for _, r := range rows {
		count[r.Verdict]++
		if r.Power == "unknown" {
			out.Failed = append(out.Failed, r.Host)
		}
		if len(r.Foreign) > 0 {
			foreign++
		}
	}
	out.Summary = fmt.Sprintf("%d host(s): %d ok, %d warning, %d critical, %d unknown (%d of them could not be read); %d with accounts that do not belong there",
		len(rows), count[bmc.SensorOK], count[bmc.SensorWarning], count[bmc.SensorCritical], count[bmc.SensorUnknown], len(out.Failed), foreign)
	return out
}
