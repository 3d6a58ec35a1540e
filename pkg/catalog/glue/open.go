package glue

import (
	"cmp"
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/apache/iceberg-go"
	icecat "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"
	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/glue"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/settings"
)

// Codes of this package's failures, which are those of all catalogues.
const (
	CodeSettings = "CatalogSettings" // bad input or transient: Glue refuses, or can't be asked
	CodeTable    = "CatalogTable"    // bad input: something else has the table's name
)

// calls are those that are made to Glue. They are functions, and not the client:
// the linker would keep all that it can, 10 MB of an executable.
type calls struct {
	getTable       call[glue.GetTableInput, glue.GetTableOutput]
	createTable    call[glue.CreateTableInput, glue.CreateTableOutput]
	updateTable    call[glue.UpdateTableInput, glue.UpdateTableOutput]
	getDatabase    call[glue.GetDatabaseInput, glue.GetDatabaseOutput]
	createDatabase call[glue.CreateDatabaseInput, glue.CreateDatabaseOutput]
}

type call[In, Out any] func(context.Context, *In, ...func(*glue.Options)) (*Out, error)

func callsOf(c *glue.Client) calls {
	return calls{getTable: c.GetTable, createTable: c.CreateTable, updateTable: c.UpdateTable, getDatabase: c.GetDatabase, createDatabase: c.CreateDatabase}
}

// answer is how long an answer may take, with the tries that come to nothing.
const answer = 2 * time.Minute

// attempts are what a call has, unless AWS_MAX_ATTEMPTS says otherwise: Glue
// throttles accounts, and several campaigns may share one.
const attempts = 5

// Catalog is an open catalogue. Its methods may be called concurrently.
type Catalog struct {
	calls
	place     settings.Glue
	account   *string // nil: the credentials'
	props     iceberg.Properties
	warehouse string

	mu    sync.Mutex
	known map[string]*table.Table // by database and table, as last read: a metadata file never changes
}

var _ icecat.Catalog = (*Catalog)(nil)

// region is that of the AWS environment, or empty where it says none: that
// of a configuration may be the one that stores fall back to.
func region(cfg aws.Config) string {
	for _, source := range cfg.ConfigSources {
		switch s := source.(type) {
		case awsconfig.EnvConfig:
			if s.Region != "" {
				return s.Region
			}
		case awsconfig.SharedConfig:
			if s.Region != "" {
				return s.Region
			}
		}
	}
	return ""
}

// Open opens the catalogue that a URI names. The configuration is that of the
// environment, props are what reaches the warehouse, below which tables lie. It
// asks Glue nothing.
func Open(cfg aws.Config, s settings.Catalog, props iceberg.Properties) (*Catalog, error) {
	place, say, fix := settings.ParseGlue(s.URI)
	if say != "" {
		return nil, fault.Input(CodeSettings, "the catalogue's URI %s", say).On(settings.GlueScheme+"...").Fix("%s", fix) // there may be a secret in it
	}
	if key, say, fix := settings.GlueNames(s); say != "" {
		return nil, fault.Input(CodeSettings, "a name %s", say).On(s.URI).At("%s", key).Fix("%s", fix)
	}
	if place.Region = cmp.Or(place.Region, region(cfg)); place.Region == "" {
		return nil, fault.Input(CodeSettings, "nothing says which region of AWS Glue").On(s.URI).Fix("set output.catalog_uri to glue://region, or AWS_REGION")
	}
	cfg.Region, cfg.BaseEndpoint, cfg.Credentials = place.Region, endpoint(cfg), credentials{cfg.Credentials}
	c := &Catalog{calls: callsOf(glue.NewFromConfig(cfg, func(o *glue.Options) {
		if o.RetryMaxAttempts == 0 {
			o.RetryMaxAttempts = attempts
		}
	})), place: place, props: props, warehouse: strings.TrimRight(s.Warehouse, "/"), known: map[string]*table.Table{}}
	if place.Account != "" {
		c.account = &place.Account
	}
	return c, nil
}

// endpoint is where Glue is, not what the environment says of S3 alone; nil is
// AWS, or what a profile says.
func endpoint(cfg aws.Config) *string {
	if e := cmp.Or(os.Getenv("AWS_ENDPOINT_URL_GLUE"), os.Getenv("AWS_ENDPOINT_URL")); e != "" {
		return &e
	}
	for _, source := range cfg.ConfigSources {
		if s, ok := source.(awsconfig.SharedConfig); ok && s.BaseEndpoint != "" {
			return &s.BaseEndpoint
		}
	}
	return nil
}

// credentials marks why there are none.
type credentials struct{ aws.CredentialsProvider }

func (p credentials) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if p.CredentialsProvider == nil {
		return aws.Credentials{}, noCredentials{errors.New("none configured")}
	}
	c, err := p.CredentialsProvider.Retrieve(ctx)
	if err != nil && ctx.Err() == nil {
		err = noCredentials{err}
	}
	return c, err
}

type noCredentials struct{ error }

func (n noCredentials) Unwrap() error { return n.error }

// CatalogType is Glue.
func (c *Catalog) CatalogType() icecat.Type { return icecat.Glue }

// String is the catalogue's URI, with the region.
func (c *Catalog) String() string { return c.place.String() }
