package catalog_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/cosmostat/constellation/internal/testing/catalogtest"
	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/campaign"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/survey"
)

// BenchmarkSelect leases 500 tiles of a survey most of which is done, from an
// object store that answers after 20 ms, and commits one of them.
// CONSTELLATION_SURVEY_TILES=60000 gives the whole survey.
func BenchmarkSelect(b *testing.B) {
	done := 640
	if s := os.Getenv("CONSTELLATION_SURVEY_TILES"); s != "" {
		var err error
		if done, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	server := s3test.Start(b)
	server.Setenv(b)
	server.Bucket(b, "warehouse")
	s := settings.Catalog{Warehouse: "s3://warehouse/survey", URI: "sqlite://" + filepath.Join(b.TempDir(), "catalog.db"), Namespace: "shear", Table: "survey"}
	c := catalogtest.Open(b, s)
	real := func(id int64) catalog.Batch {
		batch := catalog.Batch{RunID: "run", ConfigID: config}
		for i := range int32(16) {
			g := float32(id) / 1e5
			batch.Shear = append(batch.Shear, results.Shear{TileID: id, Row: i / 4, Col: i % 4, RA: 52.9, Dec: -28.1,
				G1: &g, G2: &g, G1Err: &g, G2Err: &g, NSources: 1500, Method: "map", Convergence: &g, Status: survey.StatusOK})
		}
		return batch
	}
	commit(b, c, real(0))
	const perCommit = 32 // as assembly has it
	if err := c.Grow(b.Context(), 0, done-1, perCommit); err != nil {
		b.Fatal(err)
	}
	r := campaign.Request{ConfigID: config, SubTiles: 16, Limit: 500, Expiry: time.Hour, MaxAttempts: 3}
	for id := range int64(done + 500) {
		r.Tiles = append(r.Tiles, id)
	}
	proxy := server.Proxy(b, 20*time.Millisecond)
	proxy.Setenv(b)
	far := catalogtest.Open(b, s)
	var requests, bytes int64
	b.ResetTimer()
	for i := range b.N {
		r.Holder = strconv.Itoa(i)
		requests, bytes = proxy.Requests(), proxy.BytesOut()+proxy.BytesIn()
		sel, err := campaign.Select(b.Context(), far, r)
		requests, bytes = proxy.Requests()-requests, proxy.BytesOut()+proxy.BytesIn()-bytes
		if err != nil || len(sel.Leases) != 500 || sel.Counts.Done != done {
			b.Fatalf("%d leases, %+v, %v", len(sel.Leases), sel.Counts, err)
		}
		b.StopTimer()
		before, start := proxy.Requests(), time.Now()
		one := real(sel.Leases[0].TileID)
		one.Leases = sel.Leases
		commit(b, far, one)
		b.ReportMetric(time.Since(start).Seconds(), "s/commit")
		b.ReportMetric(float64(proxy.Requests()-before), "requests/commit")
		done++
		r.Tiles = append(r.Tiles, int64(done)+500-1)
		if _, err := campaign.Release(b.Context(), c, sel); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(requests), "requests/op")
	b.ReportMetric(float64(bytes)/1e6, "MB/op")
}
