package tables

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/apache/iceberg-go"
	sqlcat "github.com/apache/iceberg-go/catalog/sql"

	"github.com/cosmostat/constellation/pkg/fault"
)

// sqlitePath is the path of an SQLite catalogue; SQLAlchemy's four slashes are taken, too.
func (c *Catalog) sqlitePath() (string, error) {
	_, rest, _ := strings.Cut(c.settings.URI, "://")
	path := filepath.Clean(rest)
	if !filepath.IsAbs(path) {
		return "", fault.Input(CodeSettings, "the path of an SQLite catalogue must be absolute").On(c.settings.URI).Fix("sqlite:///path/to/catalog.db has three slashes")
	}
	return path, nil
}

func (c *Catalog) openSQLite(ctx context.Context, props iceberg.Properties) error {
	path, err := c.sqlitePath()
	if err != nil {
		return err
	}
	// Writers wait for each other instead of failing, and take the lock when
	// they begin: two that read first and write later would deadlock.
	at, query, remove := path, "_pragma=busy_timeout(60000)", func() error { return nil }
	if c.looking {
		_, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist): // whether it can be made is tried later
			return nil
		case err != nil:
			return fault.Input(CodeSettings, "look for the catalogue: %w", err).On(c.settings.URI).Fix("get the right to look there, or mend output.catalog_uri")
		}
		if at, query, remove, err = lookingAt(path, query); err != nil {
			return fault.Input(CodeSettings, "look at the catalogue: %w", err).On(c.settings.URI).Fix("get the right to read it, and what lies beside it under its name with -wal and -shm")
		}
	} else {
		query += "&_txlock=immediate&_pragma=journal_mode(WAL)"
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return fault.Input(CodeSettings, "make the catalogue's directory: %w", err).On(c.settings.URI)
		}
	}
	if !c.looking { // made here it has the mode that the umask gives; the library lets no group write
		if f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666); err == nil {
			_ = f.Close() // nothing was written
		}
	}
	dsn := url.URL{Scheme: "file", Path: at, RawQuery: query}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return errors.Join(fmt.Errorf("open catalogue %s: %w", c.settings.URI, err), remove())
	}
	cat, err := sqlcat.NewCatalog(Name, db, sqlcat.SQLite, c.made(props))
	if err != nil {
		_ = errors.Join(db.Close(), remove())
		fix := "its directory must be writable, and the file an Iceberg catalogue"
		if c.looking {
			fix = "the file must be an Iceberg catalogue, and to be read with what lies beside it under its name with -wal and -shm"
		}
		return c.refused(ctx, err, "open the SQLite catalogue", fix)
	}
	c.Ice, c.db, c.close = cat, db, func() error { return errors.Join(cat.Close(), db.Close(), remove()) }
	return nil
}

// lookingAt is how SQLite opens a file for who looks, and where. One in WAL mode
// wants to make files beside it even so. Where it may not, they may be there, since
// somebody has it open or was killed; or some of it is in the log that lies beside,
// and both are read from a copy; or all of it is in the file, read as it stands.
func lookingAt(path, query string) (at, as string, remove func() error, err error) {
	nothing := func() error { return nil }
	if f, err := os.OpenFile(path, os.O_RDWR, 0); err == nil {
		return path, query, nothing, f.Close()
	}
	if mayWrite(filepath.Dir(path)) {
		return path, query, nothing, nil
	}
	if _, err := os.Stat(path + "-shm"); err == nil {
		return path, query + "&mode=ro", nothing, nil
	}
	if log, err := os.Stat(path + "-wal"); err == nil && log.Size() > 0 {
		at, remove, err = aside(path)
		return at, query + "&mode=ro", remove, err // whoever asks whether he may write may not
	}
	return path, query + "&immutable=1", nothing, nil
}

// aside copies a database that nobody has open, with its log.
func aside(path string) (at string, remove func() error, err error) {
	dir, err := os.MkdirTemp("", "constellation-")
	if err != nil {
		return "", nil, err
	}
	at = filepath.Join(dir, filepath.Base(path))
	for _, suffix := range []string{"", "-wal"} {
		if err = duplicate(path+suffix, at+suffix); err != nil {
			return "", nil, errors.Join(err, os.RemoveAll(dir))
		}
	}
	return at, func() error { return os.RemoveAll(dir) }, nil
}

func duplicate(from, to string) error {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return errors.Join(err, w.Close())
}

// mayWrite says whether a file can be made in a directory.
func mayWrite(dir string) bool {
	f, err := os.CreateTemp(dir, ".constellation-")
	if err != nil {
		return false
	}
	return errors.Join(f.Close(), os.Remove(f.Name())) == nil
}
