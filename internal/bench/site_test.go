package bench

import (
	"testing"
	"time"

	"github.com/cosmostat/constellation/internal/bench/errand"
	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/simulate"
	"github.com/cosmostat/constellation/pkg/sky"
)

const (
	far       = 30 * time.Millisecond // added to each request: a bucket some way off
	base      = "s3://euclid"
	detSize   = 7_315_678_080 // bytes of a real DET file
	quadrants = 144
	detHDUs   = 1 + 3*quadrants
)

// site is a bucket with an exposure of each dither and one tile in files of full
// size. Their images are holes, so that they take little of the disk.
type site struct {
	server   *s3test.Server
	exposure euclid.Exposure   // the first
	dithers  []euclid.Exposure // the others
	tile     euclid.MERTile
	grid     sky.Grid
	send     func(testing.TB, errand.Errand) *errand.Account // has a process of its own do it
}

// newSite starts a server and simulates its bucket, both until the benchmark ends.
func newSite(b *testing.B) *site { return newSiteOf(b, 1) }

func newSiteOf(b *testing.B, dithers int) *site {
	b.Helper()
	v, err := simulate.Preset("tile")
	if err != nil {
		b.Fatal(err)
	}
	v.Observations, v.Dithers, v.Short, v.TileCols = 1, dithers, 0, 1
	s := &site{
		server: s3test.Start(b),
		grid:   sky.Grid{Shape: settings.Shape{Rows: v.GridRows, Cols: v.GridCols}, MarginArcmin: v.MarginArcmin, TileArcmin: v.TileArcmin, CoreArcmin: v.CoreArcmin},
	}
	s.server.Setenv(b)
	s.send = sender(b)
	store := open(b)
	if _, err := simulate.Run(b.Context(), store, s.server.Bucket(b, "euclid"), v, nil); err != nil {
		b.Fatal(err)
	}
	seen, err := euclid.IndexExposures(b.Context(), store, base+"/VIS/", settings.Nominal)
	if err != nil {
		b.Fatal(err)
	}
	if len(seen.Exposures) != dithers || seen.Exposures[0].DET.Size != detSize {
		b.Fatalf("not the exposures of full size that were simulated: %+v", seen.Exposures)
	}
	tiles, _, err := euclid.IndexTiles(b.Context(), store, euclid.TileOptions{
		Source: settings.FromMosaic, MERBase: base + "/MER/", CatalogBase: base + "/catalogs/MER_FINAL_CATALOG/",
	})
	if err != nil {
		b.Fatal(err)
	}
	if len(tiles) != 1 {
		b.Fatalf("not the one tile that was simulated: %+v", tiles)
	}
	s.exposure, s.dithers, s.tile = seen.Exposures[0], seen.Exposures[1:], tiles[0]
	return s
}

// open is a store that has no connections yet, as in a process that has just started.
func open(b *testing.B) *objstore.Mux { return objstore.Open(b.Context(), objstore.Config{}) }

// proxy stands between the benchmark and its server until the benchmark ends.
func (s *site) proxy(b *testing.B, latency time.Duration) *s3test.Proxy {
	p := s.server.Proxy(b, latency)
	p.Setenv(b)
	return p
}
