package tables

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	icecat "github.com/apache/iceberg-go/catalog"
	sqlcat "github.com/apache/iceberg-go/catalog/sql"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/utils"
	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/cosmostat/constellation/pkg/catalog/glue"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
)

// Codes of this package's failures.
const (
	CodeSettings = glue.CodeSettings // bad input: no such kind of catalogue, or no place for it
	CodeConflict = "CatalogConflict" // transient: other committers kept winning
	CodeTable    = glue.CodeTable    // bad input: a table of another layout is in the way
	CodeGone     = "CommitFilesGone" // transient: upkeep took files of a commit before it ended
)

// Name is the name of the catalogue inside an SQL database; other readers of
// the same database have to give it.
const Name = "constellation"

// choices lists what a catalogue URI may be, for error messages.
const choices = "sqlite:///path/to/catalog.db, postgres://user@host/database, http(s)://host/... of a REST catalogue such as Nessie or Polaris, or glue://region of AWS Glue"

// Catalog is an open catalogue. Its methods may be called concurrently.
type Catalog struct {
	settings settings.Catalog
	props    iceberg.Properties // for reaching the warehouse
	aws      *aws.Config        // of a warehouse in an object store, else nil
	Ice      icecat.Catalog     // the library's; nil where there is no catalogue, and none is made
	close    func() error
	db       *sql.DB // of a catalogue in an SQL database, else nil
	looking  bool    // nothing may be made
}

// Open opens the catalogue; tables are made when they are first written to.
// Object stores are reached as those of package objstore without settings.
func Open(ctx context.Context, s settings.Catalog) (*Catalog, error) { return open(ctx, s, false) }

// Reading is [Open] for who reads: it makes nothing, and needs no right to write.
// A catalogue that isn't there is like one that nothing was committed to, see
// [Catalog.There].
func Reading(ctx context.Context, s settings.Catalog) (*Catalog, error) {
	c, err := open(ctx, s, true)
	if err != nil {
		return nil, err
	}
	laid, err := c.laid(ctx)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	if !laid {
		c.Ice = nil
	}
	return c, nil
}

// OpenExisting is [Open] for who looks after a catalogue and must not make one.
func OpenExisting(ctx context.Context, s settings.Catalog) (*Catalog, error) {
	path, sqlite := strings.CutPrefix(s.URI, "sqlite://")
	if s.URI == "" && s.Warehouse != "" {
		if _, dir, err := locate(s.Warehouse); err == nil && dir != "" {
			path, sqlite = filepath.Join(dir, "catalog.db"), true
		}
	}
	if path = filepath.Clean(path); sqlite {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, fault.Input(CodeSettings, "there is no catalogue").On("sqlite://" + path).
				Fix("output.catalog_uri, or else catalog_warehouse, says where it is; assembling makes it")
		}
	}
	return Open(ctx, s)
}

// There says whether there is a catalogue at all.
func (c *Catalog) There() bool { return c.Ice != nil }

// open opens it, where looking so that nothing is made: a catalogue that isn't
// there has no Ice then.
func open(ctx context.Context, s settings.Catalog, looking bool) (*Catalog, error) {
	if s.Warehouse == "" || s.Namespace == "" || s.Table == "" {
		return nil, fault.Input(CodeSettings, "the catalogue needs a warehouse, a namespace and a table name").
			Fix("set output.catalog_warehouse, catalog_namespace and catalog_table")
	}
	warehouse, dir, err := locate(s.Warehouse)
	if err != nil {
		return nil, err
	}
	if s.URI == "" {
		if dir == "" {
			return nil, fault.Input(CodeSettings, "a warehouse in an object store needs a catalogue that points at it").
				On(s.Warehouse).Fix("set output.catalog_uri: %s", choices)
		}
		s.URI = "sqlite://" + filepath.Join(dir, "catalog.db")
	}
	s.Warehouse = warehouse
	props := iceberg.Properties{"warehouse": warehouse}
	c := &Catalog{settings: s, props: props, looking: looking, close: func() error { return nil }}
	if dir == "" {
		if c.aws, err = sharedAWS(ctx); err != nil {
			return nil, fault.Input(CodeSettings, "read the AWS environment: %w", err).On(warehouse)
		}
		if c.aws.BaseEndpoint != nil {
			props[iceio.S3EndpointURL] = *c.aws.BaseEndpoint // also selects path-style addresses, which the SDK's own reading of it does not
		}
		style, err := objstore.OutputAddressing()
		if err != nil {
			return nil, err
		}
		if style != settings.AutoStyle {
			props[iceio.S3ForceVirtualAddressing] = strconv.FormatBool(style == settings.VirtualStyle)
		}
	}
	ctx = c.With(ctx)
	scheme, _, _ := strings.Cut(s.URI, "://")
	switch scheme {
	case "sqlite":
		err = c.openSQLite(ctx, props)
	case "http", "https":
		err = c.openREST(ctx, props)
	case "postgres", "postgresql":
		err = c.openPostgres(ctx, props)
	case "glue":
		err = c.openGlue(ctx, props)
	default:
		err = fault.Input(CodeSettings, "no such kind of catalogue").On(c.URI()).Fix("use %s", choices)
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// sharedAWS is the AWS environment with one pool of connections. The library
// makes an S3 client each time that it needs one, a dozen times in a commit,
// and the SDK gives each a pool of its own unless it doesn't know the type of
// its HTTP client.
func sharedAWS(ctx context.Context) (*aws.Config, error) {
	cfg, err := objstore.AWS(ctx)
	if err != nil {
		return nil, err
	}
	client, ok := cfg.HTTPClient.(*awshttp.BuildableClient) // with the environment's proxies and certificates
	if !ok {
		client = awshttp.NewBuildableClient()
	}
	cfg.HTTPClient = onePool{client.WithTransportOptions(func(t *http.Transport) { t.MaxIdleConnsPerHost = 64 })}
	return &cfg, nil
}

// onePool hides an HTTP client's type.
type onePool struct{ aws.HTTPClient }

// With makes the library use the shared AWS configuration.
func (c *Catalog) With(ctx context.Context) context.Context {
	if c.aws == nil {
		return ctx
	}
	return utils.WithAwsConfig(ctx, c.aws)
}

// Close releases the catalogue's connections.
func (c *Catalog) Close() error { return c.close() }

// Settings are those by which it was opened.
func (c *Catalog) Settings() settings.Catalog { return c.settings }

// Location is the warehouse's URI.
func (c *Catalog) Location() string { return c.settings.Warehouse }

// URI says which catalogue it is, without a password; where none was
// configured, the SQLite file.
func (c *Catalog) URI() string { return Redacted(c.settings.URI) }

// Redacted is a catalogue's URI as it may be shown.
func Redacted(uri string) string {
	scheme, _, isURI := strings.Cut(uri, "://")
	if !isURI {
		scheme = "..." // libpq's "host=... password=..."
	}
	u, err := url.Parse(uri)
	if err != nil || !isURI {
		return scheme + "://..."
	}
	q := u.Query()
	for key := range q {
		if strings.Contains(strings.ToLower(key), "pass") || strings.Contains(strings.ToLower(key), "token") || strings.Contains(strings.ToLower(key), "secret") {
			q.Set(key, "xxxxx")
		}
	}
	if u.RawQuery != "" {
		u.RawQuery = q.Encode()
	}
	return u.Redacted()
}

// made are properties by which an SQL catalogue's own tables are made if need be,
// but not by who only looks.
func (c *Catalog) made(props iceberg.Properties) iceberg.Properties {
	if !c.looking {
		return props
	}
	props = maps.Clone(props)
	props["init_catalog_tables"] = "false"
	return props
}

// openPostgres opens a PostgreSQL database. What the URI doesn't say, PGPASSWORD
// and the other variables of libpq's environment do, or ~/.pgpass.
func (c *Catalog) openPostgres(ctx context.Context, props iceberg.Properties) error {
	cfg, err := pgx.ParseConfig(c.settings.URI)
	if err != nil { // whose text has no password
		return fault.Input(CodeSettings, "read the URI of the PostgreSQL catalogue: %w", err).On(c.URI()).Fix("postgres://user@host:5432/database")
	}
	db := stdlib.OpenDB(*cfg)
	db.SetMaxOpenConns(4) // a server has few for all of its clients
	db.SetConnMaxIdleTime(time.Minute)
	cat, err := newPostgres(ctx, db, c.made(props))
	if err != nil {
		_ = db.Close()
		return c.refused(ctx, err, "open the PostgreSQL catalogue", "the user must be allowed to connect, and to make tables; PGPASSWORD gives the password")
	}
	c.Ice, c.db, c.close = cat, db, func() error { return errors.Join(cat.Close(), db.Close()) }
	return nil
}

// openGlue opens AWS Glue's, which may be in another region than the warehouse.
func (c *Catalog) openGlue(ctx context.Context, props iceberg.Properties) (err error) {
	cfg := c.aws
	if cfg == nil {
		if cfg, err = sharedAWS(ctx); err != nil {
			return fault.Input(CodeSettings, "read the AWS environment: %w", err).On(c.URI())
		}
	}
	cat, err := glue.Open(*cfg, c.settings, props)
	if err != nil {
		return err
	}
	c.Ice = cat
	return nil
}

// newPostgres makes the catalogue's tables if need be. Of several clients that
// find none, all but one are told that the table's type is there already.
func newPostgres(ctx context.Context, db *sql.DB, props iceberg.Properties) (cat *sqlcat.Catalog, err error) {
	const uniqueViolation, duplicateTable = "23505", "42P07"
	for attempt := range Attempts {
		if err := Pause(ctx, attempt); err != nil {
			return nil, err
		}
		cat, err = sqlcat.NewCatalog(Name, db, sqlcat.Postgres, props)
		refused := (*pgconn.PgError)(nil)
		if !errors.As(err, &refused) || refused.Code != uniqueViolation && refused.Code != duplicateTable {
			break
		}
	}
	return cat, err
}

// locate turns a warehouse setting into a URI, and the directory if it is local.
func locate(warehouse string) (uri, dir string, err error) {
	scheme, rest, ok := strings.Cut(warehouse, "://")
	switch {
	case ok && scheme == "s3":
		return strings.TrimSuffix(warehouse, "/"), "", objstore.CheckSpelling(warehouse)
	case ok && scheme != "file":
		return "", "", fault.Input(CodeSettings, "a warehouse can't be in %s://", scheme).On(warehouse).Fix("a directory, file:// or s3://")
	case ok:
		dir = rest
	default:
		if dir, err = filepath.Abs(warehouse); err != nil {
			return "", "", err
		}
	}
	dir = filepath.Clean(dir)
	if !filepath.IsAbs(dir) {
		return "", "", fault.Input(CodeSettings, "a file URI must be absolute").On(warehouse).Fix("file:///path")
	}
	return "file://" + dir, dir, objstore.CheckSpelling(dir)
}
