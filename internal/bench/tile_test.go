package bench

import (
	"fmt"
	"testing"
	"time"

	"github.com/cosmostat/constellation/internal/bench/errand"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// BenchmarkTile extracts all sub-tiles of a tile from one exposure: the whole
// of it to a directory, and some of its quadrants to S3, which is this
// machine's disk too. Memory is that of a process that does only this.
func BenchmarkTile(b *testing.B) {
	s := newSiteOf(b, 4)
	s.server.Bucket(b, "out")
	out := results.section("One tile of 4 x 4 sub-tiles",
		"latency", "dithers", "quadrants", "to", "time", "HDUs referenced", "of them read", "other bytes", "requests", "written", "written/s", "peak memory")
	for _, way := range []struct {
		latency time.Duration
		to      string
		dest    string
		every   int
		dithers int
	}{
		{far, "directory", b.TempDir(), 1, 1},
		{far, "directory", b.TempDir(), 8, 4},
		{far, "s3", "s3://out/far", 8, 1},
		{0, "s3", "s3://out/near", 8, 1},
		{0, "s3", "s3://out/deep", 8, 4}, // no more memory than for one
	} {
		s.proxy(b, way.latency)
		b.Run(fmt.Sprintf("%s/%s/%d", way.latency, way.to, way.dithers), func(b *testing.B) {
			e := errand.Errand{Tile: s.tile, Grid: s.grid, Exposure: s.exposure, Dithers: s.dithers[:way.dithers-1], Every: way.every, Dest: objstore.Join(way.dest, "tile")}
			var a *errand.Account
			for b.Loop() {
				a = s.send(b, e)
			}
			check(b, e, a)
			s.empty(b, "out")
			r := a.Report
			share := "all"
			if way.every > 1 {
				share = fmt.Sprintf("1 in %d", way.every)
			}
			rate := float64(a.Write.BytesWritten) / a.Time.Seconds()
			out.row(way.latency, way.dithers, share, way.to, seconds(a.Time), size(r.ReferencedBytes),
				fmt.Sprintf("%.2f x", float64(r.PayloadBytes)/float64(r.ReferencedBytes)), size(a.Read.BytesRead-r.PayloadBytes),
				a.Read.Requests, size(a.Write.BytesWritten), size(int64(rate)), size(a.Memory))
			b.ReportMetric(float64(a.Memory), "peak-RSS-B")
			b.ReportMetric(float64(a.Read.BytesRead), "read-B/op")
			b.ReportMetric(float64(a.Write.BytesWritten), "written-B/op")
		})
	}
}

// check holds the account to what must be true of any tile.
func check(b *testing.B, e errand.Errand, a *errand.Account) {
	b.Helper()
	r := a.Report
	if len(r.SubTiles) != e.Grid.Rows*e.Grid.Cols {
		b.Errorf("%d sub-tiles", len(r.SubTiles))
	}
	// All else that it reads are primary headers, and the catalogue.
	if over := a.Read.BytesRead - r.PayloadBytes - r.HeaderBytes - r.CatalogBytes; over > r.PayloadBytes/1000 {
		b.Errorf("%d more bytes were read than are accounted for", over)
	}
	if r.PayloadBytes == 0 || r.PayloadBytes != r.ReferencedBytes {
		b.Errorf("%d bytes of HDUs were read, %d are referred to", r.PayloadBytes, r.ReferencedBytes)
	}
	for _, t := range r.SubTiles {
		if t.Status != "ok" || t.Quadrants == 0 {
			b.Errorf("sub-tile %d_%d: %s with %d quadrants", t.Row, t.Col, t.Status, t.Quadrants)
		}
	}
}
