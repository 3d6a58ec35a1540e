package config

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/settings"
)

// validateSecrets refuses a password in a URI: the configuration's text is copied
// into records, logs and pages, which many can read. It comes before whatever
// would print the URI.
func (l *loader) validateSecrets(c *Config) error {
	const aws = "AWS credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or an AWS_PROFILE"
	uris := c.Paths()
	uris["data.s3_endpoint_url"], uris["output.catalog_uri"], uris["campaign.flyte_endpoint"] = c.Data.Endpoint, c.Output.URI, c.Campaign.Endpoint
	for _, key := range slices.Sorted(maps.Keys(uris)) {
		scheme, rest, isURI := strings.Cut(uris[key], "://")
		authority, _, _ := strings.Cut(rest, "/")
		// Of servers but a database a user's name alone is a token, too.
		named := isURI && scheme != "file" && scheme != "sqlite" && !strings.HasPrefix(scheme, "postgres") && strings.Contains(authority, "@")
		if user, _, _ := strings.Cut(authority, "@"); scheme == "glue" && strings.Trim(user, "0123456789") == "" {
			named = false // an account's number
		}
		dsn := !isURI && strings.HasPrefix(key, "output.catalog_") && strings.Contains(uris[key], "password=") // libpq's other way
		if !named && !dsn && !fault.HoldsSecret(uris[key]) {
			continue
		}
		how := aws
		switch {
		case strings.HasPrefix(scheme, "http") && key != "data.s3_endpoint_url" && c.Paths()[key] != "":
			how = "what is read over " + scheme + " has to be open to everybody, and no credentials are sent"
		case key == "campaign.flyte_endpoint":
			how = "FlyteAdmin's credentials come from the file that FLYTECTL_CONFIG names"
		case dsn || key == "output.catalog_uri" && strings.HasPrefix(scheme, "postgres"):
			how = "write postgres://user@host/database; PGPASSWORD gives the password, or the file that PGPASSFILE names, or ~/.pgpass"
		case key == "output.catalog_uri" && scheme != "glue":
			how = settings.EnvRESTToken + " gives a REST catalogue's token, or " + settings.EnvRESTCredential + " ID:SECRET; PostgreSQL takes PGPASSWORD"
		}
		err := l.refuse(key, "", "%s holds a password or a token, which would be copied into records and logs (leave it out: %s)", key, how)
		var e *fault.Error
		if errors.As(err, &e) { // --set is named with what it sets
			e.Object = strings.ReplaceAll(e.Object, uris[key], "...")
		}
		return err
	}
	return nil
}
