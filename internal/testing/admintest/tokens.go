package admintest

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/metadata"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/service"
)

// Tokens is an authorization server that hands tokens out by every way that the
// client knows, and a list of those that count.
type Tokens struct {
	URL    string
	Header string // metadata key, as GetPublicClientConfig has it

	mu     sync.Mutex
	valid  []string
	grants []string // kinds of grants, in order
	codes  map[string]string
	pauses int // answers to a device that nobody has confirmed yet
}

// NewTokens starts the authorization server.
func NewTokens(t testing.TB) *Tokens {
	k := &Tokens{Header: "flyte-authorization", codes: map[string]string{}, pauses: 1}
	mux := http.NewServeMux()
	mux.HandleFunc("/authorize", k.authorize)
	mux.HandleFunc("/token", k.token)
	mux.HandleFunc("/device", k.device)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	k.URL = server.URL
	return k
}

// Expire makes all tokens invalid that were given out so far.
func (k *Tokens) Expire() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.valid = nil
}

// Accept makes a token valid that came from elsewhere.
func (k *Tokens) Accept(token string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.valid = append(k.valid, token)
}

// Grants lists how tokens were asked for.
func (k *Tokens) Grants() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.grants)
}

func (k *Tokens) accepts(ctx context.Context) bool {
	md, _ := metadata.FromIncomingContext(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, value := range md.Get(k.Header) {
		if token, ok := strings.CutPrefix(value, "Bearer "); ok && slices.Contains(k.valid, token) {
			return true
		}
	}
	return false
}

// authorize is the page that a browser opens: this one logs everybody in.
func (k *Tokens) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	k.mu.Lock()
	code := "code-" + q.Get("state")[:8]
	k.codes[code] = q.Get("code_challenge")
	k.mu.Unlock()
	http.Redirect(w, r, q.Get("redirect_uri")+"?state="+q.Get("state")+"&code="+code, http.StatusFound)
}

func (k *Tokens) device(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{
		"device_code": "device-1", "user_code": "WDJB-MJHT", "verification_uri": k.URL + "/activate", "expires_in": 60, "interval": 1,
	})
}

func (k *Tokens) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	grant := r.Form.Get("grant_type")
	k.grants = append(k.grants, grant)
	refuse := func(why string) { answer(w, http.StatusBadRequest, map[string]any{"error": why}) }
	switch grant {
	case "authorization_code":
		if challenge := k.codes[r.Form.Get("code")]; challenge == "" || challenge != challengeOf(r.Form.Get("code_verifier")) {
			refuse("invalid_grant")
			return
		}
	case "client_credentials":
		id, secret, ok := r.BasicAuth()
		if !ok {
			id, secret = r.Form.Get("client_id"), r.Form.Get("client_secret")
		}
		if id != "robot" || secret != "s3cret" {
			answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
			return
		}
	case "refresh_token":
		if r.Form.Get("refresh_token") != "refresh-me" {
			refuse("invalid_grant")
			return
		}
	case "urn:ietf:params:oauth:grant-type:device_code":
		if k.pauses > 0 {
			k.pauses--
			refuse("authorization_pending")
			return
		}
	default:
		refuse("unsupported_grant_type")
		return
	}
	token := "token-" + string(rune('a'+len(k.grants)))
	k.valid = append(k.valid, token)
	answer(w, http.StatusOK, map[string]any{"access_token": token, "token_type": "bearer", "expires_in": 3600, "refresh_token": "refresh-me"})
}

func answer(w http.ResponseWriter, code int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}

// authMetadata says, to anybody, how to get a token.
type authMetadata struct {
	service.UnimplementedAuthMetadataServiceServer
	tokens *Tokens
}

func (a *authMetadata) GetOAuth2Metadata(context.Context, *service.OAuth2MetadataRequest) (*service.OAuth2MetadataResponse, error) {
	return &service.OAuth2MetadataResponse{
		AuthorizationEndpoint: a.tokens.URL + "/authorize", TokenEndpoint: a.tokens.URL + "/token", DeviceAuthorizationEndpoint: a.tokens.URL + "/device",
	}, nil
}

func (a *authMetadata) GetPublicClientConfig(context.Context, *service.PublicClientAuthConfigRequest) (*service.PublicClientAuthConfigResponse, error) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer free.Close()
	return &service.PublicClientAuthConfigResponse{
		ClientId: "flytectl", RedirectUri: "http://" + free.Addr().String() + "/callback", Scopes: []string{"all"}, AuthorizationMetadataKey: a.tokens.Header,
	}, nil
}

func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
