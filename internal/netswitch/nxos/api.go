package nxos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/tidwall/gjson"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/rest"
)

// answer is what the switch says to one command.
type answer struct{ body gjson.Result }

// request is NX-API's envelope of the type "ins_api". The order counts: some releases stumble over an input before the type.
type request struct {
	API struct {
		Version string `json:"version"`
		Type    string `json:"type"`
		Chunk   string `json:"chunk"`
		SID     string `json:"sid"`
		Input   string `json:"input"`
		Format  string `json:"output_format"`
	} `json:"ins_api"`
}

const (
	hintRole    = "check the switch's user and password in the datastore, and that its role may configure interfaces"
	hintFeature = "check the switch's address, and that NX-API is enabled there (feature nxapi)"
)

// Types of requests.
const (
	show = "cli_show"
	conf = "cli_conf"
)

// post runs commands in one request. There is an answer to each command or an error: HTTP 200 alone proves nothing.
func (d *driver) post(ctx context.Context, kind string, commands []string) ([]answer, error) {
	var req request
	req.API.Version, req.API.Type, req.API.Chunk, req.API.SID = "1.0", kind, "0", "1"
	req.API.Input, req.API.Format = strings.Join(commands, " ;"), "json"
	text, err := json.Marshal(req)
	if err != nil {
		return nil, err
	}
	res, err := d.http.Do(ctx, rest.Request{Method: http.MethodPost, Path: "ins", Body: text, ContentType: "application/json"})
	if err != nil {
		return nil, err
	}
	switch res.Status {
	case http.StatusOK:
		return outputs(res, kind, commands)
	case http.StatusUnauthorized, http.StatusForbidden:
		return nil, rest.StatusFault(res.Status).WithHint(hintRole)
	case http.StatusNotFound: // NotFound is for ports
		return nil, fault.New(fault.Failed, "%w", rest.Status(res.Status)).WithHint(hintFeature)
	}
	return nil, rest.StatusFault(res.Status)
}

// outputs takes the envelope apart. The list of answers is an object where there is one only: for one command, and, with some
// releases, for a whole configuration, which the reading back then has to prove.
func outputs(res rest.Answer, kind string, commands []string) ([]answer, error) {
	envelope, ok := res.JSON()
	if !ok {
		return nil, fault.New(fault.Failed, "the answer is not JSON").WithHint(hintFeature)
	}
	list := envelope.Get("ins_api.outputs.output")
	if !list.Exists() {
		return nil, fault.New(fault.Failed, "the answer is not one of NX-API")
	}
	items := []gjson.Result{list}
	if list.IsArray() {
		items = list.Array()
	}
	out := make([]answer, 0, len(items))
	var wrong []error
	for i, item := range items {
		if code := item.Get("code").String(); code != "200" {
			wrong = append(wrong, rejected(commands[min(i, len(commands)-1)], code, item))
		}
		out = append(out, answer{item.Get("body")})
	}
	switch {
	case len(wrong) > 0 && kind == conf:
		return nil, partly(wrong, len(commands), len(items))
	case len(wrong) > 0:
		return nil, wrong[0]
	case len(out) != len(commands) && !(kind == conf && !list.IsArray()):
		return nil, fault.New(fault.Failed, "the switch answered %d of %d commands", len(out), len(commands))
	}
	return out, nil
}

// partly tells which commands of a configuration were rejected, and what became of the others.
func partly(wrong []error, commands, answered int) error {
	rest := "no other command was made"
	if made := answered - len(wrong); made > 0 {
		rest = fmt.Sprintf("%d other command(s) were made", made)
	}
	if left := commands - answered; left > 0 {
		rest += fmt.Sprintf(", %d after it were not", left)
	}
	return fault.Wrap(errors.Join(wrong[:min(len(wrong), 5)]...), "%d of %d commands rejected, %s", len(wrong), commands, rest)
}

func rejected(command, code string, item gjson.Result) error {
	why := item.Get("msg").String()
	if detail := strings.Join(strings.Fields(item.Get("clierror").String()), " "); detail != "" {
		why += ": " + detail
	}
	if len(why) > 300 {
		why = strings.ToValidUTF8(why[:300], "")
	}
	switch {
	case code == "500" || code == "503":
		return fault.New(fault.Transient, "command %q: code %s, %s", command, code, why)
	case strings.Contains(strings.ToLower(why), "invalid interface"):
		return fault.New(fault.NotFound, "command %q: code %s, %s", command, code, why)
	case code == "401", code == "403", strings.Contains(strings.ToLower(why), "permission denied"):
		return fault.New(fault.Credentials, "command %q: code %s, %s", command, code, why).WithHint(hintRole)
	}
	return fault.New(fault.Failed, "command %q: code %s, %s", command, code, why)
}
