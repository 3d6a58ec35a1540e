package tables

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"os"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/catalog/rest"

	"github.com/cosmostat/constellation/pkg/catalog/foreign"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/settings"
)

// openREST opens a REST catalogue. Its token, or what it gives tokens for, comes by
// the variables from which PyIceberg takes those of a catalogue of this [Name].
//
// Servers with several warehouses know them by name: the URI's ?warehouse=NAME says
// it in place of where it is.
func (c *Catalog) openREST(ctx context.Context, props iceberg.Properties) error {
	at, err := url.Parse(c.settings.URI)
	if err != nil || at.Host == "" {
		return fault.Input(CodeSettings, "the catalogue's URI can't be read").On(c.URI()).Fix("write https://host/path of a REST catalogue, and ?warehouse=NAME where it has several")
	}
	query := at.Query()
	warehouse := cmp.Or(query.Get("warehouse"), c.settings.Warehouse)
	query.Del("warehouse")
	at.RawQuery = query.Encode()
	options := []rest.Option{rest.WithWarehouseLocation(warehouse), rest.WithAdditionalProps(props), rest.WithTransportFactory(foreign.Transport)}
	for _, o := range []struct {
		name string
		with func(string) rest.Option
	}{
		{settings.EnvRESTToken, rest.WithOAuthToken}, {settings.EnvRESTCredential, rest.WithCredential},
		{settings.EnvREST + "SCOPE", rest.WithScope}, {settings.EnvREST + "AUDIENCE", rest.WithAudience}, {settings.EnvREST + "RESOURCE", rest.WithResource},
	} {
		text := os.Getenv(o.name)
		if strings.ContainsAny(text, "\r\n") { // no header holds it, and a form field would hand it on
			return fault.Input(CodeSettings, "%s holds a line break", o.name).On(c.URI()).Fix("leave it out: a file's last line often ends in one")
		}
		if text != "" {
			options = append(options, o.with(text))
		}
	}
	const server = settings.EnvREST + "OAUTH2_SERVER_URI"
	if text := os.Getenv(server); text != "" {
		uri, err := url.Parse(text)
		if err != nil || uri.Host == "" || uri.Scheme != "http" && uri.Scheme != "https" {
			return fault.Input(CodeSettings, "%s is not the address of a server", server).On(c.URI()).Fix("https://host/path of what gives tokens")
		}
		options = append(options, rest.WithAuthURI(uri))
	}
	cat, err := rest.NewCatalog(ctx, Name, at.String(), options...)
	if err != nil {
		return c.refusedREST(ctx, err, "open the REST catalogue")
	}
	c.Ice, c.close = cat, cat.Close
	return nil
}

// refusedREST says what a REST catalogue refused, and how it is asked rightly.
func (c *Catalog) refusedREST(ctx context.Context, err error, what string) error {
	fix := "see what it says of its address and its warehouse"
	token, credential := os.Getenv(settings.EnvRESTToken), os.Getenv(settings.EnvRESTCredential)
	switch {
	case unknownWarehouse(err):
		fix = "name the warehouse as the server knows it, ?warehouse=NAME at the end of output.catalog_uri"
	case errors.Is(err, rest.ErrForbidden):
		fix = "have them give the right to make, read and write these tables"
	case !errors.Is(err, rest.ErrUnauthorized) && !errors.Is(err, rest.ErrAuthorizationExpired) && !errors.Is(err, rest.ErrOAuthError):
	case token != "":
		fix = "renew the token in " + settings.EnvRESTToken
	case credential != "":
		fix = "mend the ID:SECRET in " + settings.EnvRESTCredential
	default:
		fix = "it wants a token: give it by " + settings.EnvRESTToken + ", or ID:SECRET by " + settings.EnvRESTCredential
	}
	_, secret, _ := strings.Cut(credential, ":")
	for _, s := range []string{token, credential, secret} {
		if text := err.Error(); s != "" && strings.Contains(text, s) { // what a server echoes
			err = hidden{strings.ReplaceAll(text, s, "xxxxx"), err}
		}
	}
	return c.refused(ctx, err, what, fix)
}

// hidden is an error without a secret in its text.
type hidden struct {
	text string
	err  error
}

func (h hidden) Error() string { return h.text }
func (h hidden) Unwrap() error { return h.err }
