package catalog_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/cosmostat/constellation/internal/testing/catalogtest"
	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
)

// BenchmarkVerify looks at a survey's tables in the layout of a file a tile, 32 of
// them to a commit, with all snapshots kept, in a directory and in a store that
// answers after 20 ms. CONSTELLATION_SURVEY_TILES=60000 gives the whole survey.
func BenchmarkVerify(b *testing.B) {
	tiles := 640
	if s := os.Getenv("CONSTELLATION_SURVEY_TILES"); s != "" {
		var err error
		if tiles, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("directory", func(b *testing.B) {
		dir := b.TempDir()
		benchVerify(b, settings.Catalog{Warehouse: dir, Namespace: "shear", Table: "survey"}, filepath.Join(dir, "shear", "survey"), tiles, nil)
	})
	b.Run("bucket", func(b *testing.B) {
		server := s3test.Start(b)
		server.Setenv(b)
		server.Bucket(b, "warehouse")
		proxy := server.Proxy(b, 20*time.Millisecond)
		s := settings.Catalog{Warehouse: "s3://warehouse/survey", URI: "sqlite://" + filepath.Join(b.TempDir(), "catalog.db"), Namespace: "shear", Table: "survey"}
		benchVerify(b, s, filepath.Join(server.Dir, "warehouse", "survey", "shear", "survey"), tiles, proxy)
	})
}

func benchVerify(b *testing.B, s settings.Catalog, dir string, tiles int, proxy *s3test.Proxy) {
	c := catalogtest.Open(b, s)
	commit(b, c, batch("run", config, 0, 5, 0.25))
	size, err := c.GrowSize(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	const perCommit = 32
	if err := c.Grow(b.Context(), 0, tiles-1, perCommit); err != nil {
		b.Fatal(err)
	}
	for id := 1; id < tiles; id++ { // files without contents
		at := filepath.Join(dir, "data", "TILE_ID="+strconv.Itoa(id))
		if err := os.MkdirAll(at, 0o777); err != nil {
			b.Fatal(err)
		}
		f, err := os.Create(filepath.Join(at, strconv.Itoa(id)+".parquet"))
		if err == nil {
			err = f.Truncate(size)
		}
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	if proxy != nil {
		proxy.Setenv(b)
		c = catalogtest.Open(b, s)
	}
	store := objstore.Open(b.Context(), objstore.Config{})
	var before, requests int64
	b.ResetTimer()
	for range b.N {
		if proxy != nil {
			before = proxy.Requests()
		}
		v, err := c.Verify(b.Context(), store, false)
		if err != nil || !v.OK || v.Tables[0].Data != tiles {
			b.Fatalf("%v, %+v", err, v)
		}
		if proxy != nil {
			requests = proxy.Requests() - before
		}
	}
	b.ReportMetric(float64(requests), "requests/op")
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys)/1e6, "MB")
}
