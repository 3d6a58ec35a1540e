package tables

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/apache/iceberg-go/catalog/rest"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite" // also database/sql's driver of that name
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/cosmostat/constellation/pkg/fault"
)

// refused sorts what a catalogue says: that it is busy or away passes.
func (c *Catalog) refused(ctx context.Context, err error, what, fix string) error {
	if ctx.Err() != nil {
		return err
	}
	if passing(err) {
		return fault.Passing(CodeSettings, "%s: %w", what, err).On(c.URI()).Fix("see whether the address is right and somebody answers there, and try again")
	}
	return fault.Input(CodeSettings, "%s: %w", what, err).On(c.URI()).Fix("%s", fix)
}

// passing says whether the same may succeed later: a server that couldn't be
// asked, or was too busy to answer.
func passing(err error) bool {
	byPostgres, bySQLite := (*pgconn.PgError)(nil), (*sqlite.Error)(nil)
	switch {
	case errors.As(err, &byPostgres):
		switch c := byPostgres.Code; { // by class: too few resources, shut down or starting, a connection lost, a transaction overtaken
		case strings.HasPrefix(c, "53"), strings.HasPrefix(c, "57P"), strings.HasPrefix(c, "08"), strings.HasPrefix(c, "40"):
			return true
		}
		return false
	case errors.As(err, &bySQLite):
		code := bySQLite.Code() & 0xff // without what extends it
		return code == sqlite3.SQLITE_BUSY || code == sqlite3.SQLITE_LOCKED
	case errors.Is(err, rest.ErrOAuthError):
		return !slices.ContainsFunc(tokenCodes, func(code string) bool { return strings.Contains(err.Error(), code) })
	case unknownWarehouse(err), errors.Is(err, rest.ErrUnauthorized), errors.Is(err, rest.ErrForbidden), errors.Is(err, rest.ErrBadRequest), errors.Is(err, rest.ErrAuthorizationExpired):
		return false
	}
	return true
}

// unknownWarehouse says whether a REST catalogue answers that it has none of the
// name, in the words of each that there is: the library keeps the status to itself.
func unknownWarehouse(err error) bool {
	if !errors.Is(err, rest.ErrRESTError) {
		return false
	}
	text := strings.ToLower(err.Error())
	return strings.Contains(text, "warehouse") && (strings.Contains(text, "not found") || strings.Contains(text, "notfound") || strings.Contains(text, "nosuch") ||
		strings.Contains(text, "not known") || strings.Contains(text, "unable to find") || strings.Contains(text, "unknown") || strings.Contains(text, "does not exist"))
}

// tokenCodes are what a server says that gives no token (RFC 6749, section 5.2).
var tokenCodes = []string{"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope", "access_denied"}
