package redfish

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"stackstorm-laas/internal/bmc"
	"stackstorm-laas/internal/fault"
)

// logs are what BMCs call the log of the hardware's events, the best first: they have others, of logins and of jobs.
var logs = []string{"sel", "iml", "eventlog", "log1", "event"}

// events reads the last entries of the hardware's log, the newest first.
func (d *driver) events(most int) ([]bmc.Event, error) {
	if most <= 0 {
		return nil, nil
	}
	service, err := d.log()
	if err != nil {
		return nil, err
	}
	entries, err := d.entries(service.Get(`Entries.\@odata\.id`).String(), most)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(entries, func(a, b gjson.Result) int {
		return cmp.Or(created(b).Compare(created(a)), id(b)-id(a))
	})
	return describeEvents(entries[:min(most, len(entries))]), nil
}

// log finds the log among those of the system, or of the BMC.
func (d *driver) log() (gjson.Result, error) {
	system, err := d.system()
	if err != nil {
		return gjson.Result{}, err
	}
	places := []string{system.Get(`LogServices.\@odata\.id`).String()}
	managers, err := d.members("Managers")
	if err != nil {
		return gjson.Result{}, err
	}
	for _, path := range managers {
		manager, err := d.wire.get(path)
		if err != nil {
			return gjson.Result{}, err
		}
		places = append(places, manager.Get(`LogServices.\@odata\.id`).String())
	}
	var best gjson.Result
	rank := len(logs)
	for _, place := range places {
		services, err := d.list(place)
		if err != nil {
			return gjson.Result{}, err
		}
		for _, path := range services {
			service, err := d.wire.get(path)
			if err != nil {
				return gjson.Result{}, err
			}
			if r := slices.Index(logs, strings.ToLower(service.Get("Id").String())); r >= 0 && r < rank {
				best, rank = service, r
			}
		}
	}
	if rank == len(logs) {
		return best, fault.New(fault.NotFound, "the BMC has no log of the hardware that the pack knows")
	}
	return best, nil
}

// entries reads a log. Most BMCs put the entries themselves into the list. From those that put links there, only as many as are wanted are read, at
// the end where the newer ones are.
func (d *driver) entries(collection string, most int) (list []gjson.Result, err error) {
	var links []string
	next := collection
	for range maxPages {
		if next == "" {
			break
		}
		page, err := d.wire.get(next)
		if err != nil {
			return nil, err
		}
		for _, m := range page.Get("Members").Array() {
			if m.Get("Message").Exists() || m.Get("Created").Exists() {
				list = append(list, m)
			} else {
				links = append(links, m.Get(`\@odata\.id`).String())
			}
		}
		next = page.Get(`Members\@odata\.nextLink`).String()
	}
	if len(links) == 0 {
		return list, nil
	}
	if len(links) > most {
		first, err := d.wire.get(links[0])
		if err != nil {
			return nil, err
		}
		last, err := d.wire.get(links[len(links)-1])
		if err != nil {
			return nil, err
		}
		if created(first).After(created(last)) {
			links = links[:most]
		} else {
			links = links[len(links)-most:]
		}
	}
	for _, path := range links {
		entry, err := d.wire.get(path)
		if err != nil {
			return nil, err
		}
		list = append(list, entry)
	}
	return list, nil
}

// created is when an entry was made; zero when the BMC does not say.
func created(entry gjson.Result) time.Time {
	at, err := time.Parse(time.RFC3339, entry.Get("Created").String())
	if err != nil || at.Year() < 2000 { // a clock that was never set
		return time.Time{}
	}
	return at
}

func id(entry gjson.Result) int {
	n, _ := strconv.Atoi(entry.Get("Id").String())
	return n
}

// describeEvents puts entries, the newest first, into words. An entry that says that something ended takes what it began out of the critical ones.
func describeEvents(entries []gjson.Result) []bmc.Event {
	var out []bmc.Event
	ended := map[string]bool{}
	for _, v := range entries {
		e := bmc.Event{ID: id(v), At: created(v), Sensor: label(v.Get("SensorType").String()), Text: label(v.Get("Message").String())}
		from := v.Get("SensorType").String() + " " + v.Get("SensorNumber").String()
		if v.Get("EntryCode").String() == "Deassert" {
			ended[from] = true
			e.Text += " (ended)"
		} else {
			e.Critical = v.Get("Severity").String() == "Critical" && !v.Get("Resolved").Bool() && !(v.Get("SensorNumber").Exists() && ended[from])
		}
		out = append(out, e)
	}
	return out
}
