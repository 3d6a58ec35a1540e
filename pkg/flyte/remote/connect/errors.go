package connect

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/cosmostat/constellation/pkg/fault"
)

// Codes of failures to talk to FlyteAdmin.
const (
	CodeUnreachable     = "FlyteUnreachable"
	CodeTLS             = "FlyteTLS"
	CodeUnauthenticated = "FlyteUnauthenticated"
	CodeForbidden       = "FlyteForbidden"
	CodeNotFound        = "FlyteNotFound"
	CodeExists          = "FlyteExists"
	CodeRefused         = "FlyteRefused"
	CodeFailed          = "FlyteFailed"
)

// translate makes gRPC statuses into faults. The status stays in the chain.
func (c *Conn) translate(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	err := invoke(ctx, method, req, reply, cc, opts...)
	var known *fault.Error
	if err == nil || errors.As(err, &known) {
		return err // what the authenticator says is classified already
	}
	return c.fault(ctx, err)
}

func (c *Conn) fault(ctx context.Context, err error) error {
	said := &answer{err}
	switch code := status.Code(err); code {
	case codes.Unavailable:
		if e := c.tlsFault(c.hand.failure(), said); e != nil {
			return e
		}
		return fault.Passing(CodeUnreachable, "FlyteAdmin can't be reached: %w", said).On(c.Config.Named()).
			Fix("is it up, and is this its gRPC port?")
	case codes.Canceled:
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fault.New(fault.Canceled, CodeFailed, "%w", said).On(c.Config.Named())
	case codes.DeadlineExceeded, codes.ResourceExhausted, codes.Aborted:
		return fault.Passing(CodeUnreachable, "FlyteAdmin did not answer: %w", said).On(c.Config.Named())
	case codes.Unauthenticated:
		return fault.Input(CodeUnauthenticated, "FlyteAdmin does not accept who we are: %w", said).On(c.Config.Named()).
			Fix("admin.authType is %s: see that its credentials are those of this server", c.Config.AuthType)
	case codes.PermissionDenied:
		return fault.Input(CodeForbidden, "FlyteAdmin does not allow it: %w", said).On(c.Config.Named())
	case codes.NotFound:
		return fault.Input(CodeNotFound, "%w", said)
	case codes.AlreadyExists:
		return fault.Input(CodeExists, "%w", said)
	case codes.InvalidArgument, codes.FailedPrecondition, codes.OutOfRange:
		return fault.Input(CodeRefused, "FlyteAdmin refuses it: %w", said)
	case codes.Unimplemented:
		return fault.Input(CodeRefused, "what answers there is not FlyteAdmin: %w", said).On(c.Config.Named())
	}
	return fault.New(fault.Unclassified, CodeFailed, "FlyteAdmin failed: %w", said).On(c.Config.Named())
}

// tlsFault explains a handshake that failed, which no repetition would mend.
func (c *Conn) tlsFault(hand error, said error) error {
	var (
		plain     tls.RecordHeaderError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		verify    *tls.CertificateVerificationError
		remedy    string
	)
	switch {
	case errors.As(hand, &plain):
		remedy = "the server speaks plain text: admin.insecure: true, if that is what you want"
	case errors.As(hand, &authority):
		remedy = "name the authority's certificate in admin.caCertFilePath, or, for a test server, set admin.insecureSkipVerify: true"
	case errors.As(hand, &host), errors.As(hand, &invalid), errors.As(hand, &verify):
		remedy = "its certificate is not for this endpoint, or out of date"
	default:
		return nil
	}
	return fault.Input(CodeTLS, "no secure connection: %w", said).On(c.Config.Named()).Fix("%s", remedy)
}

// answer says what the server said, without gRPC's preamble.
type answer struct{ err error }

func (a *answer) Error() string {
	if s, ok := status.FromError(a.err); ok {
		return s.Message()
	}
	return a.err.Error()
}

func (a *answer) Unwrap() error              { return a.err }
func (a *answer) GRPCStatus() *status.Status { return status.Convert(a.err) }
