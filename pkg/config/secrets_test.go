package config_test

import (
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/config"
	"github.com/cosmostat/constellation/pkg/fault"
)

// A password in a URI is refused at its key, with a way that works, and not printed.
func TestSecrets(t *testing.T) {
	const pw = "hunter2"
	for name, c := range map[string]struct{ key, value, way string }{
		"of a database":              {"output.catalog_uri", "postgres://me:hunter2@db/x", "PGPASSWORD"},
		"without a user":             {"output.catalog_uri", "postgresql://:hunter2@db/x", "PGPASSFILE"},
		"with a slash":               {"output.catalog_uri", "postgres://me:hunter2/3@db/x", "PGPASSWORD"},
		"as a parameter":             {"output.catalog_uri", "postgres://me@db/x?sslmode=require&password=hunter2", "PGPASSWORD"},
		"of a key":                   {"output.catalog_uri", "postgres://me@db/x?sslpassword=hunter2", "PGPASSWORD"},
		"a key of AWS's":             {"output.catalog_uri", "glue://AKIAX:hunter2@eu-west-1", "AWS_PROFILE"},
		"a key alone":                {"output.catalog_uri", "glue://hunter2@eu-west-1", "AWS_PROFILE"},
		"an account of AWS's":        {"output.catalog_uri", "glue://123456789012@eu-west-1", ""},
		"in words":                   {"output.catalog_uri", "host=db user=me password=hunter2", "PGPASSWORD"},
		"of a REST catalogue":        {"output.catalog_uri", "https://me:hunter2@nessie/api", "PYICEBERG_CATALOG__CONSTELLATION__TOKEN"},
		"a token of one":             {"output.catalog_uri", "https://hunter2@nessie/api", "PYICEBERG_CATALOG__CONSTELLATION__TOKEN"},
		"a token as a parameter":     {"output.catalog_uri", "https://nessie/api?token=hunter2", "PYICEBERG_CATALOG__CONSTELLATION__TOKEN"},
		"of an endpoint":             {"data.s3_endpoint_url", "http://me:hunter2@minio:9000", "AWS_SECRET_ACCESS_KEY"},
		"in a bucket":                {"output.storage_base_uri", "s3://key:hunter2@bucket/x", "AWS_SECRET_ACCESS_KEY"},
		"in the warehouse's":         {"output.catalog_warehouse", "s3://hunter2@bucket/x", "AWS_SECRET_ACCESS_KEY"},
		"of FlyteAdmin":              {"campaign.flyte_endpoint", "https://me:hunter2@flyte", "FLYTECTL_CONFIG"},
		"none, but a user":           {"output.catalog_uri", "postgres://me@db:5432/x?sslmode=disable&passfile=/a", ""},
		"none, but an @ in the path": {"output.storage_base_uri", "s3://bucket/a@b:c", ""},
	} {
		t.Run(name, func(t *testing.T) {
			over, err := config.Sets([]string{c.key + "=" + c.value})
			if err != nil {
				t.Fatal(err)
			}
			_, err = config.Load("c.yaml", []byte("field_name: EDFS\ntile_ids: [102018211]\n"), over...)
			if c.way == "" {
				if err != nil && strings.Contains(err.Error(), "holds a password") {
					t.Error(err)
				}
				return
			}
			if fault.KindOf(err) != fault.BadInput || !strings.Contains(err.Error(), " holds a password") || !strings.Contains(err.Error(), c.way) || strings.Contains(err.Error(), pw) {
				t.Error(err)
			}
		})
	}
}
