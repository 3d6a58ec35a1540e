package connect

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/service"

	"github.com/cosmostat/constellation/pkg/fault"
)

// DefaultMaxMessage is how large an answer may be, in bytes. The task execution
// of a map over 10,000 elements is past gRPC's own 4 MB.
const DefaultMaxMessage = 128 << 20

// reads are retried while the server can't be reached; what creates or ends
// something is sent once.
const reads = `{"methodConfig":[{"name":[
{"service":"flyteidl.service.AdminService","method":"GetExecution"},
{"service":"flyteidl.service.AdminService","method":"GetExecutionData"},
{"service":"flyteidl.service.AdminService","method":"GetLaunchPlan"},
{"service":"flyteidl.service.AdminService","method":"GetWorkflow"},
{"service":"flyteidl.service.AdminService","method":"GetNodeExecutionData"},
{"service":"flyteidl.service.AdminService","method":"GetDynamicNodeWorkflow"},
{"service":"flyteidl.service.AdminService","method":"ListLaunchPlans"},
{"service":"flyteidl.service.AdminService","method":"ListLaunchPlanIds"},
{"service":"flyteidl.service.AdminService","method":"ListExecutions"},
{"service":"flyteidl.service.AdminService","method":"ListNodeExecutions"},
{"service":"flyteidl.service.AdminService","method":"ListTaskExecutions"}],
"retryPolicy":{"maxAttempts":4,"initialBackoff":"0.2s","maxBackoff":"2s","backoffMultiplier":3,"retryableStatusCodes":["UNAVAILABLE"]}}]}`

// Conn is a connection to FlyteAdmin. Its errors are pkg/fault's, and still gRPC statuses.
type Conn struct {
	Config Config
	Admin  service.AdminServiceClient

	grpc *grpc.ClientConn
	auth *authenticator
	hand *handshakes
}

// Option sets something about a connection.
type Option func(*Conn)

// Prompt lets people log in: what they have to do is written to w. Without it a
// token comes from the cache, a secret or a command, or not at all.
func Prompt(w io.Writer) Option { return func(c *Conn) { c.auth.prompt = w } }

// TokenCache keeps tokens in this directory instead of the user's cache directory.
func TokenCache(dir string) Option { return func(c *Conn) { c.auth.cache.dir = dir } }

// Browser opens links by something else than the desktop's own program.
func Browser(open func(link string) error) Option { return func(c *Conn) { c.auth.browse = open } }

// Open prepares a connection; it is made when it is first used.
func Open(conf Config, options ...Option) (*Conn, error) {
	c := &Conn{Config: conf, auth: newAuthenticator(conf)}
	for _, o := range options {
		o(c)
	}
	transport := insecure.NewCredentials()
	if !conf.Insecure {
		t := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: conf.SkipVerify} //nolint:gosec // asked for by the file
		if conf.CAFile != "" {
			pem, err := atMost(conf.CAFile, maxSecret)
			if err != nil {
				return nil, fault.Input("FlyteConfigInvalid", "%w", err).On(conf.File).At("admin.caCertFilePath")
			}
			t.RootCAs = x509.NewCertPool()
			if !t.RootCAs.AppendCertsFromPEM(pem) {
				return nil, fault.Input("FlyteConfigInvalid", "%s holds no PEM certificate", conf.CAFile).On(conf.File).At("admin.caCertFilePath")
			}
		}
		c.hand = &handshakes{TransportCredentials: credentials.NewTLS(t), last: &lastError{}}
		transport = c.hand
	}
	size := conf.MaxMessage
	if size == 0 {
		size = DefaultMaxMessage
	}
	var err error
	c.grpc, err = grpc.NewClient(target(conf.Endpoint),
		grpc.WithTransportCredentials(transport),
		grpc.WithDefaultServiceConfig(reads),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(size)),
		grpc.WithChainUnaryInterceptor(c.translate, c.auth.intercept))
	if err != nil {
		return nil, fault.Input("FlyteConfigInvalid", "%w", err).On(conf.File).At("admin.endpoint").Fix("e.g. dns:///flyte.example.org")
	}
	c.Admin = service.NewAdminServiceClient(c.grpc)
	c.auth.metadata = service.NewAuthMetadataServiceClient(c.grpc)
	return c, nil
}

// target is the endpoint as gRPC takes it: a bare host:port is looked up.
func target(endpoint string) string {
	if strings.Contains(endpoint, "://") || strings.HasPrefix(endpoint, "unix:") || strings.HasPrefix(endpoint, "dns:") {
		return endpoint
	}
	return "dns:///" + endpoint
}

// Close ends the connection.
func (c *Conn) Close() error { return c.grpc.Close() }

// handshakes remembers why TLS failed: gRPC keeps only the text.
type handshakes struct {
	credentials.TransportCredentials
	last *lastError
}

type lastError struct {
	mu  sync.Mutex
	err error
}

func (h *handshakes) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := h.TransportCredentials.ClientHandshake(ctx, authority, raw)
	h.last.mu.Lock()
	h.last.err = err
	h.last.mu.Unlock()
	return conn, info, err
}

// Clone keeps the record shared: gRPC works with copies.
func (h *handshakes) Clone() credentials.TransportCredentials {
	return &handshakes{TransportCredentials: h.TransportCredentials.Clone(), last: h.last}
}

func (h *handshakes) failure() error {
	if h == nil {
		return nil
	}
	h.last.mu.Lock()
	defer h.last.mu.Unlock()
	return h.last.err
}
