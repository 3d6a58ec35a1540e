package catalog_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/settings"
)

func TestMain(m *testing.M) {
	if settings := os.Getenv(workerEnv); settings != "" {
		os.Exit(worker(settings))
	}
	if settings := os.Getenv(upkeepEnv); settings != "" {
		os.Exit(upkeepWorker(settings))
	}
	os.Exit(s3test.Main(m))
}

// TestS3Warehouse keeps data and metadata in an object store and the pointer to them in SQLite.
func TestS3Warehouse(t *testing.T) {
	server := s3test.Start(t)
	server.Setenv(t)
	server.Bucket(t, "warehouse")
	proxy := server.Proxy(t, 0)
	proxy.Setenv(t)
	c, err := catalog.Open(t.Context(), settings.Catalog{
		Warehouse: "s3://warehouse/euclid/", URI: "sqlite://" + filepath.Join(t.TempDir(), "catalog.db"), Namespace: "shear.q1", Table: "edff_shear",
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	replacement(t, c)
	rep := validate(t, c, plan(8), settings.Thresholds{MinCompleteness: 1})
	if !rep.OK || rep.Sources != 40 {
		t.Errorf("%+v", rep)
	}
	if files, _ := filepath.Glob(filepath.Join(server.Dir, "warehouse/euclid/shear/q1/edff_shear/data/TILE_ID_trunc=0/*.parquet")); len(files) == 0 {
		t.Error("no data file of tile 7 in the bucket")
	}
	t.Logf("%d requests on %d connections", proxy.Requests(), proxy.Connections())
}

// TestFlyteEnvironment: a pod of a cluster that gives credentials as Flyte does,
// and no others, commits to a warehouse in its store.
func TestFlyteEnvironment(t *testing.T) {
	server := s3test.Start(t)
	server.Setenv(t)
	server.Bucket(t, "warehouse")
	for _, key := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		t.Setenv(key, "")
	}
	t.Setenv("FLYTE_AWS_ENDPOINT", server.Endpoint)
	t.Setenv("FLYTE_AWS_ACCESS_KEY_ID", server.AccessKey)
	t.Setenv("FLYTE_AWS_SECRET_ACCESS_KEY", server.SecretKey)
	c, err := catalog.Open(t.Context(), settings.Catalog{
		Warehouse: "s3://warehouse", URI: "sqlite://" + filepath.Join(t.TempDir(), "catalog.db"), Namespace: "shear", Table: "t",
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	replacement(t, c)
}
