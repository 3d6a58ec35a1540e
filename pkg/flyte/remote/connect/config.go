package connect

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/cosmostat/constellation/pkg/bounds"
	"github.com/cosmostat/constellation/pkg/fault"
)

// EnvConfig is the environment variable that names flytectl's file.
const EnvConfig = "FLYTECTL_CONFIG"

// Ways to get a token, as admin.authType has them.
const (
	ClientSecret    = "ClientSecret"
	Pkce            = "Pkce"
	ExternalCommand = "ExternalCommand"
	DeviceFlow      = "DeviceFlow"
)

// Config is what flytectl's file says about reaching FlyteAdmin.
type Config struct {
	File string // it was read from; empty where there was none

	Endpoint   string // as gRPC takes it: dns:///host:port
	Insecure   bool   // plain text instead of TLS
	SkipVerify bool   // TLS to whoever answers
	CAFile     string // PEM; empty: the system's

	AuthType             string
	ClientID             string
	ClientSecretLocation string // a file
	ClientSecretEnvVar   string // comes before the file
	Scopes               []string
	Audience             string
	UseAudienceFromAdmin bool
	TokenURL             string   // empty: as the server says
	AuthorizationHeader  string   // metadata key of the token; empty: as the server says
	Command              []string // prints a token
	ProxyCommand         []string // prints a token for a proxy on the way
	HTTPProxy            string   // of the requests for tokens
	LoginTimeout         time.Duration

	MaxMessage int // bytes that an answer may have; 0: DefaultMaxMessage

	Project, Domain string // defaults of commands; often empty
	Console         string // base of FlyteConsole's pages, where it is not the endpoint's host
}

// Find names flytectl's file: the one given, or $FLYTECTL_CONFIG, or
// ~/.flyte/config.yaml, or the only ~/.flyte/config-*.yaml.
func Find(given string) (string, error) {
	if given != "" {
		return given, nil
	}
	if file := os.Getenv(EnvConfig); file != "" {
		return file, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", noConfig("there is no home directory: %w", err)
	}
	usual := filepath.Join(home, ".flyte", "config.yaml")
	if _, err := os.Stat(usual); err == nil {
		return usual, nil
	}
	others, err := filepath.Glob(filepath.Join(home, ".flyte", "config-*.yaml"))
	switch {
	case err != nil:
		return "", noConfig("%w", err)
	case len(others) == 1:
		return others[0], nil
	case len(others) > 1:
		return "", noConfig("there is no %s, and more than one other: %s", usual, strings.Join(others, ", "))
	}
	return "", noConfig("there is no %s", usual)
}

func noConfig(format string, a ...any) error {
	return fault.Input("FlyteConfigMissing", "which FlyteAdmin to talk to is not known: "+format, a...).
		Fix("name flytectl's configuration file with --flyte-config or $%s; flytectl config init writes one", EnvConfig)
}

// Load reads flytectl's file, found as [Find] does. Keys that are flytectl's own
// business are left alone.
func Load(file string) (Config, error) {
	file, err := Find(file)
	if err != nil {
		return Config{}, err
	}
	text, err := atMost(file, maxConfig)
	if errors.Is(err, errTooLarge) {
		return Config{}, fault.Input("FlyteConfigInvalid", "%w", err).On(file).Fix("name flytectl's configuration file with --flyte-config or $%s", EnvConfig)
	}
	if err != nil {
		return Config{}, fault.Input("FlyteConfigMissing", "%w", err).Fix("name flytectl's configuration file with --flyte-config or $%s", EnvConfig)
	}
	return parse(file, text)
}

// What is read of files that people name here, in bytes: settings, and
// certificates, secrets and tokens.
const (
	maxConfig = 1 << 20
	maxSecret = 4 << 20
)

var errTooLarge = errors.New("too large")

// atMost reads a file that has at most so many bytes.
func atMost(file string, most int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		return nil, fmt.Errorf("it is %w: it has more than %d bytes", errTooLarge, most)
	}
	return text, err
}

func parse(file string, text []byte) (Config, error) {
	c := Config{File: file, AuthType: ClientSecret, ClientID: "flytepropeller",
		ClientSecretLocation: "/etc/secrets/client_secret", LoginTimeout: 2 * time.Minute}
	if e := (*bounds.Error)(nil); errors.As(bounds.CopiedYAML(text), &e) {
		return c, fault.Input("FlyteConfigInvalid", "%w", e).On(file).At("line %d", e.Line).Fix("check that it is flytectl's configuration")
	}
	var raw map[string]any
	if err := yaml.Unmarshal(text, &raw); err != nil {
		return c, fault.Input("FlyteConfigInvalid", "%s", yaml.FormatError(err, false, true)).On(file).Fix("flytectl reads the same file")
	}
	r := &reader{file: file}
	root := lower(raw)
	admin := r.section(root, "admin")
	r.text(admin, "endpoint", &c.Endpoint)
	r.flag(admin, "insecure", &c.Insecure)
	r.flag(admin, "insecureSkipVerify", &c.SkipVerify)
	r.text(admin, "caCertFilePath", &c.CAFile)
	r.text(admin, "authType", &c.AuthType)
	r.text(admin, "clientId", &c.ClientID)
	r.text(admin, "clientSecretLocation", &c.ClientSecretLocation)
	r.text(admin, "clientSecretEnvVar", &c.ClientSecretEnvVar)
	r.list(admin, "scopes", &c.Scopes)
	r.text(admin, "audience", &c.Audience)
	r.flag(admin, "useAudienceFromAdmin", &c.UseAudienceFromAdmin)
	r.text(admin, "tokenUrl", &c.TokenURL)
	r.text(admin, "authorizationHeader", &c.AuthorizationHeader)
	r.list(admin, "command", &c.Command)
	r.list(admin, "proxyCommand", &c.ProxyCommand)
	r.text(admin, "httpProxyURL", &c.HTTPProxy)
	r.number(admin, "maxMessageSizeBytes", &c.MaxMessage)
	r.text(r.section(root, "console"), "endpoint", &c.Console)
	for _, section := range []string{"task", "root"} { // flytectl's order: root counts
		r.text(r.section(root, section), "project", &c.Project)
		r.text(r.section(root, section), "domain", &c.Domain)
	}
	if r.err != nil {
		return c, r.err
	}
	return c, c.check()
}

// check refuses what no connection could be made with.
func (c *Config) check() error {
	where := func(e *fault.Error, key string) error { return e.On(c.File).At("%s", key) }
	switch scheme, _, found := strings.Cut(c.Endpoint, "://"); {
	case c.Endpoint == "":
		return where(fault.Input("FlyteConfigInvalid", "there is no endpoint").Fix("e.g. dns:///flyte.example.org"), "admin.endpoint")
	case found && (scheme == "http" || scheme == "https"):
		return where(fault.Input("FlyteConfigInvalid", "%s is not a gRPC endpoint", c.Endpoint).
			Fix("write dns:///%s", strings.TrimSuffix(strings.TrimPrefix(c.Endpoint, scheme+"://"), "/")), "admin.endpoint")
	}
	for _, known := range []string{ClientSecret, Pkce, ExternalCommand, DeviceFlow} {
		if strings.EqualFold(c.AuthType, known) {
			c.AuthType = known
			return nil
		}
	}
	return where(fault.Input("FlyteConfigInvalid", "%q is no way to authenticate", c.AuthType).
		Fix("one of %s, %s, %s, %s", ClientSecret, Pkce, ExternalCommand, DeviceFlow), "admin.authType")
}

// Named says the endpoint and which file it comes from, for messages.
func (c *Config) Named() string {
	if c.File == "" {
		return c.Endpoint
	}
	return fmt.Sprintf("%s (admin.endpoint in %s)", c.Endpoint, c.File)
}

// ConsoleLink is where FlyteConsole shows an execution, or "" where the
// endpoint says nothing about its host.
func (c *Config) ConsoleLink(project, domain, name string) string {
	base := strings.TrimSuffix(c.Console, "/")
	if base == "" {
		host := c.Endpoint[strings.LastIndex(c.Endpoint, "/")+1:]
		if host == "" {
			return ""
		}
		base = "https://" + host
		if c.Insecure {
			base = "http://" + host
		}
	} else if !strings.Contains(base, "://") {
		base = "https://" + base
	}
	return fmt.Sprintf("%s/console/projects/%s/domains/%s/executions/%s", strings.TrimSuffix(base, "/console"), project, domain, name)
}

// reader takes values out of a parsed file and keeps the first complaint.
type reader struct {
	file string
	err  error
}

// lower makes keys comparable: flytectl doesn't mind their case.
func lower(m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for key, v := range m {
		out[strings.ToLower(key)] = v
	}
	return out
}

func (r *reader) bad(key string, v any, want string) {
	if r.err == nil {
		r.err = fault.Input("FlyteConfigInvalid", "%v is not %s", v, want).On(r.file).At("%s", key)
	}
}

func (r *reader) section(root map[string]any, key string) map[string]any {
	switch v := root[key].(type) {
	case nil:
	case map[string]any:
		return lower(v)
	default:
		r.bad(key, v, "a section")
	}
	return nil
}

func (r *reader) text(m map[string]any, key string, into *string) {
	switch v := m[strings.ToLower(key)].(type) {
	case nil:
	case string:
		if v != "" {
			*into = v
		}
	default:
		r.bad(key, v, "text")
	}
}

func (r *reader) flag(m map[string]any, key string, into *bool) {
	switch v := m[strings.ToLower(key)].(type) {
	case nil:
	case bool:
		*into = v
	default:
		r.bad(key, v, "true or false")
	}
}

func (r *reader) number(m map[string]any, key string, into *int) {
	switch v := m[strings.ToLower(key)].(type) {
	case nil:
	case uint64:
		*into = int(v)
	default:
		r.bad(key, v, "a count")
	}
}

func (r *reader) list(m map[string]any, key string, into *[]string) {
	switch v := m[strings.ToLower(key)].(type) {
	case nil:
	case string:
		*into = strings.Fields(v)
	case []any:
		*into = nil
		for _, e := range v {
			*into = append(*into, fmt.Sprint(e))
		}
	default:
		r.bad(key, v, "a list")
	}
}
