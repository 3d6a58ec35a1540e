package connect_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/cosmostat/constellation/internal/testing/admintest"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/remote/connect"
)

const unknown = "p/d/nobody"

func open(t *testing.T, c connect.Config, options ...connect.Option) *connect.Conn {
	t.Helper()
	conn, err := connect.Open(c, append([]connect.Option{connect.TokenCache(t.TempDir())}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestState(t *testing.T) {
	s := admintest.Start(t)
	conn := open(t, s.Config())
	if got, err := conn.State(t.Context(), unknown); got != connect.Missing || err != nil || !got.Ended() {
		t.Errorf("an execution that is not there: %q, %v", got, err)
	}
	if n := s.Requests(); n != 1 {
		t.Errorf("%d requests", n)
	}
	for _, id := range []string{"", "name", "a/b", "a/b/", "a/b/c/d"} {
		if _, err := conn.State(t.Context(), id); fault.CodeOf(err) != "ExecutionIDInvalid" {
			t.Errorf("%q: %v", id, err)
		}
	}
	for _, id := range []string{unknown, "somebody at a desk"} {
		if alive, known, err := conn.Alive(t.Context(), id); alive || known || err != nil {
			t.Errorf("%q, which is nothing that this FlyteAdmin had: alive %v, known %v, %v", id, alive, known, err)
		}
	}
}

func TestConnectionRefused(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
	c := connect.Config{File: "/home/me/.flyte/config.yaml", Endpoint: "dns:///" + free.Addr().String(), Insecure: true, AuthType: connect.Pkce}
	_, err = open(t, c).State(t.Context(), unknown)
	if fault.KindOf(err) != fault.Transient || fault.CodeOf(err) != connect.CodeUnreachable {
		t.Errorf("%v %v", fault.KindOf(err), err)
	}
	for _, want := range []string{c.Endpoint, "admin.endpoint in " + c.File, "refused"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	if status.Code(err) != codes.Unavailable {
		t.Errorf("the status is lost: %v", status.Code(err))
	}
}

func TestCanceled(t *testing.T) {
	s := admintest.Start(t)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := open(t, s.Config()).State(ctx, unknown); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// certificate makes a key pair for 127.0.0.1, and its PEM in a file.
func certificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

func TestTLS(t *testing.T) {
	cert, ca := certificate(t)
	secure := admintest.Start(t, admintest.TLS(&tls.Config{Certificates: []tls.Certificate{cert}}))
	plain := admintest.Start(t)
	_, otherCA := certificate(t)
	port := secure.Address[strings.LastIndex(secure.Address, ":"):]
	for name, test := range map[string]struct {
		endpoint string
		set      func(*connect.Config)
		want     string // in the error; empty: works
	}{
		"the right authority":  {secure.Address, func(c *connect.Config) { c.CAFile = ca }, ""},
		"nobody checks":        {secure.Address, func(c *connect.Config) { c.SkipVerify = true }, ""},
		"unknown authority":    {secure.Address, func(c *connect.Config) {}, "admin.caCertFilePath"},
		"another authority":    {secure.Address, func(c *connect.Config) { c.CAFile = otherCA }, "admin.caCertFilePath"},
		"another host":         {"localhost" + port, func(c *connect.Config) { c.CAFile = ca }, "not for this endpoint"},
		"server without TLS":   {plain.Address, func(c *connect.Config) {}, "admin.insecure: true"},
		"client without TLS":   {secure.Address, func(c *connect.Config) { c.Insecure = true }, "can't be reached"},
		"no certificate there": {secure.Address, func(c *connect.Config) { c.CAFile = "/no/such.pem" }, "admin.caCertFilePath"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := connect.Config{File: "flytectl.yaml", Endpoint: "dns:///" + test.endpoint, AuthType: connect.Pkce}
			test.set(&c)
			conn, err := connect.Open(c, connect.TokenCache(t.TempDir()))
			if err == nil {
				defer conn.Close()
				_, err = conn.State(t.Context(), unknown)
			}
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("%v: it does not say %q", err, test.want)
			case test.want != "" && test.want != "can't be reached" && fault.KindOf(err) != fault.BadInput:
				t.Errorf("%v is %v", err, fault.KindOf(err))
			}
		})
	}
}

// browser opens links as a person's would, who is logged in already.
func browser(t *testing.T) connect.Option {
	return connect.Browser(func(link string) error {
		go func() {
			answer, err := http.Get(link)
			if err != nil {
				t.Error(err)
				return
			}
			defer answer.Body.Close()
			if page, _ := io.ReadAll(answer.Body); answer.StatusCode != 200 || !strings.Contains(string(page), "Logged in") {
				t.Errorf("the page says %d %s", answer.StatusCode, page)
			}
		}()
		return nil
	})
}

func TestAuthentication(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("ROBOT_SECRET", "s3cret")
	for name, test := range map[string]struct {
		set    func(*connect.Config)
		prompt bool
		grants []string
		want   string // in the error; empty: works
	}{
		"browser":          {func(c *connect.Config) { c.AuthType = connect.Pkce }, true, []string{"authorization_code"}, ""},
		"device":           {func(c *connect.Config) { c.AuthType = connect.DeviceFlow }, true, slices.Repeat([]string{"urn:ietf:params:oauth:grant-type:device_code"}, 2), ""},
		"secret in a file": {func(c *connect.Config) { c.AuthType, c.ClientSecretLocation = connect.ClientSecret, secret }, false, []string{"client_credentials"}, ""},
		"secret in a var":  {func(c *connect.Config) { c.AuthType, c.ClientSecretEnvVar = connect.ClientSecret, "ROBOT_SECRET" }, false, []string{"client_credentials"}, ""},
		"no secret":        {func(c *connect.Config) { c.AuthType, c.ClientSecretLocation = connect.ClientSecret, "/no/such" }, false, nil, "admin.clientSecretLocation"},
		"empty secret":     {func(c *connect.Config) { c.AuthType, c.ClientSecretEnvVar = connect.ClientSecret, "NO_SUCH_VAR" }, false, nil, "$NO_SUCH_VAR is empty"},
		"wrong client": {func(c *connect.Config) {
			c.AuthType, c.ClientSecretEnvVar, c.ClientID = connect.ClientSecret, "ROBOT_SECRET", "burglar"
		}, false, nil, "invalid_client"},
		"command": {func(c *connect.Config) {
			c.AuthType, c.Command = connect.ExternalCommand, []string{"echo", "from-elsewhere"}
		}, false, nil, ""},
		"command that fails": {func(c *connect.Config) {
			c.AuthType, c.Command = connect.ExternalCommand, []string{"sh", "-c", "echo sorry >&2; exit 3"}
		}, false, nil, "sorry"},
		"command, wrong":      {func(c *connect.Config) { c.AuthType, c.Command = connect.ExternalCommand, []string{"echo", "forged"} }, false, nil, "does not accept"},
		"nobody at a browser": {func(c *connect.Config) { c.AuthType = connect.Pkce }, false, nil, "nobody is there"},
	} {
		t.Run(name, func(t *testing.T) {
			tokens := admintest.NewTokens(t)
			tokens.Accept("from-elsewhere")
			s := admintest.Start(t, admintest.Authenticated(tokens))
			c := s.Config()
			c.ClientID, c.LoginTimeout = "robot", time.Hour
			test.set(&c)
			options := []connect.Option{browser(t)}
			var said strings.Builder
			if test.prompt {
				options = append(options, connect.Prompt(&said))
			}
			got, err := open(t, c, options...).State(t.Context(), unknown)
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) || fault.KindOf(err) != fault.BadInput || fault.CodeOf(err) != connect.CodeUnauthenticated {
					t.Errorf("%v (%v %s), want %q", err, fault.KindOf(err), fault.CodeOf(err), test.want)
				}
				return
			}
			if err != nil || got != connect.Missing {
				t.Errorf("%v %v", got, err)
			}
			if !slices.Equal(tokens.Grants(), test.grants) {
				t.Errorf("grants %q, want %q", tokens.Grants(), test.grants)
			}
			if test.prompt && !strings.Contains(said.String(), "to log in, open "+tokens.URL) {
				t.Errorf("people are told %q", said.String())
			}
		})
	}
}

// TestTokens: a token is kept for the next command, and one that expired is
// replaced by the refresh token, without anybody at a browser.
func TestTokens(t *testing.T) {
	tokens := admintest.NewTokens(t)
	s := admintest.Start(t, admintest.Authenticated(tokens))
	c, dir := s.Config(), t.TempDir()
	c.LoginTimeout = time.Hour
	ask := func(options ...connect.Option) error {
		conn, err := connect.Open(c, append(options, connect.TokenCache(dir))...)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, err = conn.State(t.Context(), unknown)
		return err
	}
	if err := ask(connect.Prompt(io.Discard), browser(t)); err != nil {
		t.Fatal(err)
	}
	if err := ask(); err != nil {
		t.Fatalf("the next command: %v", err)
	}
	if got := tokens.Grants(); len(got) != 1 {
		t.Errorf("the kept token was not used: %q", got)
	}
	tokens.Expire()
	if err := ask(); err != nil {
		t.Fatalf("after it expired: %v", err)
	}
	if got := tokens.Grants(); !slices.Equal(got, []string{"authorization_code", "refresh_token"}) {
		t.Errorf("%q", got)
	}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %v %v", path, info.Mode(), err)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestLoad(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yaml")
	for name, test := range map[string]struct{ text, want string }{
		"not YAML":        {"admin: [", "flytectl reads the same file"},
		"no endpoint":     {"admin:\n  insecure: true\n", "admin.endpoint: there is no endpoint"},
		"web address":     {"admin:\n  endpoint: https://flyte.example.org/\n", "write dns:///flyte.example.org"},
		"not a flag":      {"admin:\n  endpoint: dns:///h\n  insecure: maybe\n", "insecure: maybe is not true or false"},
		"not a section":   {"admin: 3\n", "admin: 3 is not a section"},
		"unknown authent": {"admin:\n  endpoint: dns:///h\n  authType: Magic\n", "one of ClientSecret, Pkce, ExternalCommand, DeviceFlow"},
	} {
		if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := connect.Load(file)
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), file) || fault.KindOf(err) != fault.BadInput {
			t.Errorf("%s: %v does not say %q and the file", name, err, test.want)
		}
	}
	text := "Admin:\n  Endpoint: dns:///flyte.example.org:443\n  authtype: deviceflow\n  insecureSkipVerify: true\n  scopes: [a, b]\n  command: [get, token]\n" +
		"  maxRetries: 9\ntask:\n  project: shear\n  domain: staging\nconsole:\n  endpoint: console.example.org\nlogger: {level: 1}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := connect.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if c.Endpoint != "dns:///flyte.example.org:443" || c.AuthType != connect.DeviceFlow || !c.SkipVerify || c.Insecure || !slices.Equal(c.Scopes, []string{"a", "b"}) ||
		!slices.Equal(c.Command, []string{"get", "token"}) || c.Project != "shear" || c.Domain != "staging" || c.File != file {
		t.Errorf("%+v", c)
	}
	if got, want := c.ConsoleLink("p", "d", "n"), "https://console.example.org/console/projects/p/domains/d/executions/n"; got != want {
		t.Error(got)
	}
	if got, want := (&connect.Config{Endpoint: "dns:///h:1", Insecure: true}).ConsoleLink("p", "d", "n"), "http://h:1/console/projects/p/domains/d/executions/n"; got != want {
		t.Error(got)
	}
}

func TestFind(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv(connect.EnvConfig, "")
	flyte := func(name string) string {
		path := filepath.Join(home, ".flyte", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	want := func(given, file, message string) {
		t.Helper()
		got, err := connect.Find(given)
		if got != file || (err == nil) != (message == "") || err != nil && !strings.Contains(err.Error(), message) {
			t.Errorf("%q, %v; want %q %q", got, err, file, message)
		}
	}
	want("", "", "there is no "+filepath.Join(home, ".flyte", "config.yaml"))
	sandbox := flyte("config-sandbox.yaml")
	want("", sandbox, "")
	flyte("config-other.yaml")
	want("", "", "more than one other")
	usual := flyte("config.yaml")
	want("", usual, "")
	t.Setenv(connect.EnvConfig, "/elsewhere.yaml")
	want("", "/elsewhere.yaml", "")
	want("/given.yaml", "/given.yaml", "")
}
