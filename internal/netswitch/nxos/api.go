package nxos

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/tidwall/gjson"

	"stackstorm-laas/internal/fault"
)

// answer is what the switch says to one command.
type answer struct{ body gjson.Result }

// request is NX-API's envelope of the type "ins_api".
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

// maxAnswer bounds what is read of an answer.
const maxAnswer = 16 << 20

// post runs commands in one request. There is an answer to each command or an error: HTTP 200 alone proves nothing.
func (d *driver) post(ctx context.Context, kind string, commands []string) ([]answer, error) {
	var req request
	req.API.Version, req.API.Type, req.API.Chunk, req.API.SID = "1.0", kind, "0", "1"
	req.API.Input, req.API.Format = strings.Join(commands, " ;"), "json"
	text, err := json.Marshal(req)
	if err != nil {
		return nil, err
	}
	body, err := d.send(ctx, text)
	if err != nil {
		return nil, err
	}
	return outputs(body, commands)
}

func (d *driver) send(ctx context.Context, text []byte) ([]byte, error) {
	if d.cfg.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.cfg.Timeout)
		defer cancel()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.SetBasicAuth(d.cfg.User, d.cfg.Password.Reveal())
	res, err := d.hc.Do(req)
	if err != nil {
		return nil, unreachable(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, unreachable(err)
	}
	switch {
	case res.StatusCode == http.StatusOK:
		return body, nil
	case res.StatusCode == http.StatusUnauthorized, res.StatusCode == http.StatusForbidden:
		return nil, fault.New(fault.Credentials, "HTTP %s", res.Status).
			WithHint("check the switch's user and password in the datastore, and that the user may configure interfaces")
	case res.StatusCode >= 500, res.StatusCode == http.StatusTooManyRequests:
		return nil, fault.New(fault.Transient, "HTTP %s", res.Status)
	case res.StatusCode >= 300 && res.StatusCode < 400:
		return nil, fault.New(fault.Failed, "HTTP %s to another address", res.Status).
			WithHint("give the switch's address with the scheme and port that NX-API listens on")
	}
	return nil, fault.New(fault.Failed, "HTTP %s", res.Status)
}

func unreachable(err error) error {
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		return fault.New(fault.Config, "the switch's certificate is not trusted: %w", err).
			WithHint("set tls.ca_file to the CA that signs it, and give the switch's address as its certificate does")
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	return fault.New(fault.Transient, "%w", err)
}

// outputs takes the envelope apart. The list of answers is an object where there is one only.
func outputs(body []byte, commands []string) ([]answer, error) {
	if !gjson.ValidBytes(body) {
		return nil, fault.New(fault.Failed, "the answer is not JSON").WithHint("is NX-API enabled at this address (feature nxapi)?")
	}
	list := gjson.GetBytes(body, "ins_api.outputs.output")
	items := []gjson.Result{list}
	if list.IsArray() {
		items = list.Array()
	}
	if !list.Exists() {
		return nil, fault.New(fault.Failed, "the answer is not one of NX-API")
	}
	out := make([]answer, 0, len(items))
	for i, item := range items {
		if code := item.Get("code").String(); code != "200" {
			return nil, rejected(commands[min(i, len(commands)-1)], code, item)
		}
		out = append(out, answer{item.Get("body")})
	}
	if len(out) != len(commands) {
		return nil, fault.New(fault.Failed, "the switch answered %d of %d commands", len(out), len(commands))
	}
	return out, nil
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
		return fault.New(fault.Credentials, "command %q: code %s, %s", command, code, why).
			WithHint("give the switch's user a role that may configure interfaces")
	}
	return fault.New(fault.Failed, "command %q: code %s, %s", command, code, why)
}
