package booking

import (
	"bytes"
	"encoding/json"

	"stackstorm-laas/internal/fault"
)

// ReadOffers reads a body of the dashboard's jobs/new, or of one job (jobs/ID).
func ReadOffers(text []byte) ([]Offer, error) {
	type job struct {
		ID      *int            `json:"id"`
		Payload json.RawMessage `json:"payload"`
	}
	var jobs []job
	text = bytes.TrimSpace(text)
	if bytes.HasPrefix(text, []byte("{")) {
		text = append(append([]byte("["), text...), ']')
	}
	if err := json.Unmarshal(text, &jobs); err != nil {
		return nil, fault.New(fault.Input, "not a JSON list of jobs {id, payload}: %w", err)
	}
	offers := []Offer{}
	for i, j := range jobs {
		if j.ID == nil {
			return nil, fault.New(fault.Input, "element %d of the list has no id", i+1)
		}
		offers = append(offers, Offer{Job: *j.ID, Payload: j.Payload})
	}
	return offers, nil
}
