package ipmi

import (
	"context"
	"errors"
	"net"

	"github.com/bougou/go-ipmi/pkg/client"
	"github.com/bougou/go-ipmi/pkg/types"

	"stackstorm-laas/internal/fault"
)

// errPrivilege marks a login that the BMC refuses with the rights that were asked for.
var errPrivilege = errors.New("the BMC does not give this login the rights that are needed")

// classify gives what the client returns its kind.
func classify(err error) error {
	var known *fault.Error
	var status *types.RmcpStatusError
	var network net.Error
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.Is(err, client.ErrRAKPAuthentication):
		return fault.New(fault.Credentials, "the BMC and the login do not have the same password").WithHint(hintLogin)
	case errors.As(err, &status):
		return rejected(status.StatusCode())
	case errors.As(err, &network), errors.Is(err, context.DeadlineExceeded), errors.Is(err, net.ErrClosed):
		return fault.New(fault.Transient, "no answer: %w", err)
	}
	if code, ok := completion(err); ok {
		return completed(code, err)
	}
	// What is left is a session that fell silent, which the client has no type for, or an answer that it could not read.
	return fault.New(fault.Transient, "no answer that can be read: %w", err)
}

const (
	hintLogin = "check the user and password in the datastore key that the host's bmc entry names"
	hintSuite = "set cipher_suite in the bmc of the host's inventory entry to 3, 17 or -1"
)

// rejected is the BMC's answer to a step of the handshake.
func rejected(code types.RmcpStatusCode) error {
	switch code {
	case types.RmcpStatusCodeUnauthorizedName, types.RmcpStatusCodeInvalidIntegrityCheckValue:
		return fault.New(fault.Credentials, "the BMC refused the login: %s", code).WithHint(hintLogin)
	case types.RmcpStatusCodeUnauthorizedRoleOfPriLevel, types.RmcpStatusCodeInvalidRole:
		return fault.New(fault.Credentials, "%w: %s", errPrivilege, code).WithHint(hintLogin)
	case types.RmcpStatusCodeNoResToCreateSess, types.RmcpStatusCodeNoResToCreateSessAtRole,
		types.RmcpStatusCodeInvalidSessionID, types.RmcpStatusCodeInactiveSessionID:
		return fault.New(fault.Transient, "the BMC has no session to give: %s", code).
			WithHint("other logins use up its sessions; they end after a minute of silence")
	case types.RmcpStatusCodeInvalidAuthAlg, types.RmcpStatusCodeInvalidIntegrityAlg, types.RmcpStatusCodeInvalidConfidentAlg,
		types.RmcpStatusCodeNoMatchingAuthPayload, types.RmcpStatusCodeNoMatchingIntegrityPayload, types.RmcpStatusCodeNoCipherSuiteMatch:
		return fault.New(fault.Failed, "%w: %s", errSuite, code).WithHint(hintSuite)
	}
	return fault.New(fault.Failed, "the BMC refused the session: %s", code)
}

var errSuite = errors.New("the BMC does not know the cipher suite")

func isSuite(err error) bool { return errors.Is(err, errSuite) }

// errBusy marks an answer by which the BMC has not begun what it was asked for, but may in a moment.
var errBusy = errors.New("the BMC is busy")

func isBusy(err error) bool { return errors.Is(err, errBusy) }

// passes says whether a completion code is no word on the command itself: the same may be answered otherwise in a moment.
func passes(code types.CompletionCode) bool {
	switch code {
	case types.CodeNodeBusy, types.CodeProcessTimeout, types.CodeOutOfSpace, types.CodeCannotProvideResponse,
		types.CodeCannotProvideResponseFirmwareUpdate, types.CodeCannotProvideResponseBMCInitialize, types.CodeDestinationUnavailable:
		return true
	}
	return false
}

// completed is the BMC's answer to a command.
func completed(code types.CompletionCode, err error) error {
	switch {
	case code == types.CodeProcessTimeout, code == types.CodeCannotProvideResponse:
		return fault.New(fault.Transient, "the BMC does not tell what became of it: %w", err)
	case passes(code):
		return fault.New(fault.Transient, "%w: %w", errBusy, err)
	case code == types.CodeInsufficientPrivilege:
		return fault.New(fault.Credentials, "%w: %w", errPrivilege, err).WithHint(hintLogin)
	}
	return fault.New(fault.Failed, "the BMC answered: %w", err)
}

// isAnswer says whether the BMC answered with a failure, in contrast to not answering.
func isAnswer(err error) bool {
	_, ok := completion(err)
	return ok
}

// declined says whether the BMC understood and does not do it, in contrast to not answering and to not doing it now.
func declined(err error) bool {
	code, ok := completion(err)
	return ok && !passes(code)
}

// completion finds the completion code in a failure.
func completion(err error) (types.CompletionCode, bool) {
	var res *types.ResponseError
	if errors.As(err, &res) && res.CompletionCode() != types.CodeOK {
		return res.CompletionCode(), true
	}
	return 0, false
}
