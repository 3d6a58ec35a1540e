// Package admintest serves FlyteAdmin's API for tests, over real gRPC on
// loopback. What is registered goes through the engine's own compiler, a launch
// is checked by the engine's own validators, and an execution is what a script
// of events says. It runs no tasks.
//
// What it answers is shaped after what a FlyteAdmin 1.16.8 was seen to answer:
// lists hold the beginning of a node's error only, the attempts' errors whole,
// and nothing at all is kept of why an element of a map failed.
package admintest

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/service"

	"github.com/cosmostat/constellation/pkg/flyte/remote/connect"
)

// Server is a FlyteAdmin for tests.
type Server struct {
	service.UnimplementedAdminServiceServer

	Address string
	// Metadata is a directory to which elements that fail write their error
	// documents; empty: only Fetch has them.
	Metadata string
	Tokens   *Tokens // nil: anybody may ask

	t        testing.TB
	settings []grpc.ServerOption
	stop     func()

	mu         sync.Mutex
	tasks      map[string]*core.CompiledTask
	specs      map[string]any // what was registered under an id
	workflows  map[string]*core.CompiledWorkflowClosure
	plans      []*admin.LaunchPlan // in the order of registration
	executions []*execution
	calls      map[string]int
	script     func(launched *admin.Execution) *Script
}

// Option sets something about a server.
type Option func(*options)

type options struct {
	tls    *tls.Config
	tokens *Tokens
}

// TLS serves over TLS.
func TLS(c *tls.Config) Option { return func(o *options) { o.tls = c } }

// Authenticated refuses those without a token of t.
func Authenticated(t *Tokens) Option { return func(o *options) { o.tokens = t } }

// Start serves until the test ends.
func Start(t testing.TB, opts ...Option) *Server {
	t.Helper()
	var o options
	for _, set := range opts {
		set(&o)
	}
	s := &Server{
		t: t, Tokens: o.tokens,
		tasks: map[string]*core.CompiledTask{}, specs: map[string]any{}, workflows: map[string]*core.CompiledWorkflowClosure{},
		calls: map[string]int{},
	}
	s.settings = []grpc.ServerOption{grpc.UnaryInterceptor(s.intercept), grpc.MaxRecvMsgSize(64 << 20)}
	if o.tls != nil {
		s.settings = append(s.settings, grpc.Creds(credentials.NewTLS(o.tls)))
	}
	s.serve(t, "127.0.0.1:0")
	t.Cleanup(s.Stop)
	return s
}

func (s *Server) serve(t testing.TB, address string) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s.Address = listener.Addr().String()
	server := grpc.NewServer(s.settings...)
	service.RegisterAdminServiceServer(server, s)
	service.RegisterAuthMetadataServiceServer(server, &authMetadata{tokens: s.Tokens})
	go func() { _ = server.Serve(listener) }() // until it is stopped
	s.stop = server.Stop
}

// Stop closes the port. What the server knows, it keeps.
func (s *Server) Stop() { s.stop() }

// Restart serves again where it did.
func (s *Server) Restart(t testing.TB) { s.serve(t, s.Address) }

// Config is how to reach the server.
func (s *Server) Config() connect.Config {
	return connect.Config{File: "flytectl.yaml", Endpoint: "dns:///" + s.Address, Insecure: true, AuthType: connect.Pkce}
}

// Calls is how often a method was called, by its short name.
func (s *Server) Calls(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[method]
}

// Requests is how many calls there were.
func (s *Server) Requests() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		n += c
	}
	return n
}

func (s *Server) intercept(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	open := strings.Contains(info.FullMethod, "AuthMetadataService")
	if s.Tokens != nil && !open && !s.Tokens.accepts(ctx) {
		return nil, status.Error(codes.Unauthenticated, "token parse error [JWT_VERIFICATION_FAILED] Could not retrieve bearer token from metadata")
	}
	s.mu.Lock()
	s.calls[info.FullMethod[strings.LastIndex(info.FullMethod, "/")+1:]]++
	s.mu.Unlock()
	return handle(ctx, req)
}
