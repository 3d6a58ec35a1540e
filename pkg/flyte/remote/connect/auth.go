package connect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/service"

	"github.com/cosmostat/constellation/pkg/fault"
)

// anonymous methods say how to authenticate, and so need no token.
const anonymous = "/flyteidl.service.AuthMetadataService/"

// authenticator puts a token on every request once the server has asked for
// one, and gets a new one when the server no longer takes it.
type authenticator struct {
	conf     Config
	metadata service.AuthMetadataServiceClient
	prompt   io.Writer
	browse   func(link string) error
	cache    tokenCache

	mu     sync.Mutex
	held   *kept // nil until the server wants one, or the cache has one
	proxy  string
	loaded bool
}

// kept is a token and the metadata key under which this server reads it.
type kept struct {
	Token  *oauth2.Token `json:"token"`
	Header string        `json:"header"`
}

func newAuthenticator(conf Config) *authenticator {
	return &authenticator{conf: conf, browse: openBrowser, cache: tokenCache{name: cacheName(conf)}}
}

func (a *authenticator) intercept(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	ctx, err := a.proxied(ctx)
	if err != nil {
		return err
	}
	if strings.HasPrefix(method, anonymous) {
		return invoke(ctx, method, req, reply, cc, opts...)
	}
	used := a.current()
	err = invoke(used.on(ctx), method, req, reply, cc, opts...)
	if status.Code(err) != codes.Unauthenticated {
		return err
	}
	fresh, loginErr := a.renew(ctx, used)
	if loginErr != nil {
		return loginErr
	}
	return invoke(fresh.on(ctx), method, req, reply, cc, opts...)
}

func (k *kept) on(ctx context.Context) context.Context {
	if k == nil {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, k.Header, "Bearer "+k.Token.AccessToken)
}

func (a *authenticator) current() *kept {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.loaded {
		a.held, a.loaded = a.cache.load(), true
	}
	return a.held
}

// renew replaces a token that the server refused. Who comes second finds the
// first one's.
func (a *authenticator) renew(ctx context.Context, refused *kept) (*kept, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.held != nil && a.held != refused {
		return a.held, nil
	}
	var old *oauth2.Token
	if refused != nil {
		old = refused.Token
	}
	token, header, err := a.login(ctx, old)
	if err != nil {
		var known *fault.Error
		if errors.As(err, &known) || ctx.Err() != nil {
			return nil, err
		}
		return nil, fault.Input(CodeUnauthenticated, "log in by %s: %w", a.conf.AuthType, err).On(a.conf.Named())
	}
	a.held = &kept{Token: token, Header: header}
	if a.conf.AuthType != ExternalCommand { // that has its own
		a.cache.save(a.held)
	}
	return a.held, nil
}

// login asks the server how, and gets a token by the way that the file names.
func (a *authenticator) login(ctx context.Context, old *oauth2.Token) (*oauth2.Token, string, error) {
	client := &service.PublicClientAuthConfigResponse{AuthorizationMetadataKey: a.conf.AuthorizationHeader}
	if a.conf.AuthorizationHeader == "" || a.conf.AuthType != ExternalCommand {
		var err error
		if client, err = a.metadata.GetPublicClientConfig(ctx, &service.PublicClientAuthConfigRequest{}); err != nil {
			return nil, "", err
		}
	}
	header := "authorization"
	for _, key := range []string{client.GetAuthorizationMetadataKey(), a.conf.AuthorizationHeader} {
		if key != "" {
			header = strings.ToLower(key)
		}
	}
	if a.conf.AuthType == ExternalCommand {
		token, err := runForToken(ctx, "admin.command", a.conf.Command)
		return &oauth2.Token{AccessToken: token}, header, err
	}
	server, err := a.metadata.GetOAuth2Metadata(ctx, &service.OAuth2MetadataRequest{})
	if err != nil {
		return nil, "", err
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, a.httpClient())
	audience := a.conf.Audience
	if a.conf.UseAudienceFromAdmin {
		audience = client.GetAudience()
	}
	scopes := a.conf.Scopes
	if len(scopes) == 0 {
		scopes = client.GetScopes()
	}
	if a.conf.AuthType == ClientSecret {
		token, err := a.clientCredentials(ctx, server.GetTokenEndpoint(), scopes, audience)
		return token, header, err
	}
	flow := &oauth2.Config{
		ClientID: client.GetClientId(), RedirectURL: client.GetRedirectUri(), Scopes: client.GetScopes(),
		Endpoint: oauth2.Endpoint{
			AuthURL: server.GetAuthorizationEndpoint(), TokenURL: server.GetTokenEndpoint(), DeviceAuthURL: server.GetDeviceAuthorizationEndpoint(),
			AuthStyle: oauth2.AuthStyleInParams,
		},
	}
	if old != nil && old.RefreshToken != "" {
		stale := &oauth2.Token{RefreshToken: old.RefreshToken}
		if token, err := flow.TokenSource(ctx, stale).Token(); err == nil {
			return token, header, nil
		} // refused, too: people log in again
	}
	if a.prompt == nil {
		return nil, "", errors.New("nobody is there to log in")
	}
	ctx, stop := context.WithTimeout(ctx, a.conf.LoginTimeout)
	defer stop()
	var token *oauth2.Token
	if a.conf.AuthType == DeviceFlow {
		token, err = a.device(ctx, flow, client.GetAudience())
	} else {
		token, err = a.pkce(ctx, flow)
	}
	return token, header, err
}

func (a *authenticator) clientCredentials(ctx context.Context, endpoint string, scopes []string, audience string) (*oauth2.Token, error) {
	secret, err := a.secret()
	if err != nil {
		return nil, err
	}
	if a.conf.TokenURL != "" {
		endpoint = a.conf.TokenURL
	}
	c := clientcredentials.Config{ClientID: a.conf.ClientID, ClientSecret: secret, TokenURL: endpoint, Scopes: scopes}
	if audience != "" {
		c.EndpointParams = url.Values{"audience": {audience}}
	}
	return c.Token(ctx)
}

func (a *authenticator) secret() (string, error) {
	if key := a.conf.ClientSecretEnvVar; key != "" {
		secret := strings.TrimSpace(os.Getenv(key))
		if secret == "" {
			return "", fault.Input(CodeUnauthenticated, "$%s is empty", key).On(a.conf.File).At("admin.clientSecretEnvVar")
		}
		return secret, nil
	}
	text, err := atMost(a.conf.ClientSecretLocation, maxSecret)
	if err != nil {
		return "", fault.Input(CodeUnauthenticated, "no client secret: %w", err).On(a.conf.File).At("admin.clientSecretLocation").
			Fix("name a file there, or a variable in admin.clientSecretEnvVar; or log in as a person: admin.authType: %s", Pkce)
	}
	return strings.TrimSpace(string(text)), nil
}

// runForToken runs a command that prints a token. What it says on stderr is the
// reason where it fails.
func runForToken(ctx context.Context, key string, command []string) (string, error) {
	if len(command) == 0 {
		return "", fault.Input("FlyteConfigInvalid", "there is no command to get a token").At("%s", key)
	}
	out, err := exec.CommandContext(ctx, command[0], command[1:]...).Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return "", fault.Input(CodeUnauthenticated, "%s: %w: %s", command[0], err, strings.TrimSpace(string(failed.Stderr))).At("%s", key)
	}
	if err != nil {
		return "", fault.Input(CodeUnauthenticated, "%w", err).At("%s", key)
	}
	token := strings.TrimSpace(string(out))
	if token == "" {
		return "", fault.Input(CodeUnauthenticated, "%s printed no token", command[0]).At("%s", key)
	}
	return token, nil
}

// proxied adds what a proxy in front of FlyteAdmin wants to see, got once.
func (a *authenticator) proxied(ctx context.Context) (context.Context, error) {
	if len(a.conf.ProxyCommand) == 0 {
		return ctx, nil
	}
	token, err := a.proxyToken(ctx)
	if err != nil {
		return nil, err
	}
	return metadata.AppendToOutgoingContext(ctx, "proxy-authorization", "Bearer "+token), nil
}

func (a *authenticator) proxyToken(ctx context.Context) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.proxy == "" {
		token, err := runForToken(ctx, "admin.proxyCommand", a.conf.ProxyCommand)
		if err != nil {
			return "", err
		}
		a.proxy = token
	}
	return a.proxy, nil
}

// httpClient makes the requests for tokens, through the same proxies. It is
// used while mu is held, after proxied has got its token.
func (a *authenticator) httpClient() *http.Client {
	t := &http.Transport{Proxy: http.ProxyFromEnvironment}
	if proxy, err := url.Parse(a.conf.HTTPProxy); err == nil && a.conf.HTTPProxy != "" {
		t.Proxy = http.ProxyURL(proxy)
	}
	if a.proxy == "" {
		return &http.Client{Transport: t}
	}
	return &http.Client{Transport: &withHeader{t, "Bearer " + a.proxy}}
}

type withHeader struct {
	http.RoundTripper
	value string
}

func (w *withHeader) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("proxy-authorization", w.value)
	return w.RoundTripper.RoundTrip(r)
}

func (a *authenticator) say(format string, args ...any) { fmt.Fprintf(a.prompt, format+"\n", args...) }
