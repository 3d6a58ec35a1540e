package euclid_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
)

// A tile table of ten megabytes makes no more of itself than a table of tiles does.
func TestTileTableBounds(t *testing.T) {
	cols := []fits.Column{{Name: "tile_id", Format: "I"}, {Name: "ra", Format: "E"}, {Name: "dec", Format: "E"}}
	const rows = 900_000
	for name, test := range map[string]struct {
		text []byte
		says string
	}{
		"commas":        {[]byte(strings.Repeat(",", 9<<20)), "line 1"},
		"commas, later": {[]byte("tile_id,ra,dec\n1,2,3\n" + strings.Repeat(",", 9<<20)), "line 3"},
		"rows of CSV":   {[]byte("tile_id,ra,dec\n" + strings.Repeat("1,2,3\n", 1<<20)), "262144"},
		"rows of FITS":  {file(t, fits.NewPrimary(), hdu{fits.NewTable(cols, rows), make([]byte, rows*rowSize(cols))}), "262144"},
	} {
		m := objstore.NewMemory()
		opts := tileOptions(settings.FromTable)
		opts.TileTable = "mem://tables/tiles"
		put(t, m, opts.TileTable, test.text)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		tiles, _, err := euclid.IndexTiles(t.Context(), m, opts)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 256<<20 {
			t.Errorf("%s: %d MB were allocated", name, n>>20)
		}
		t.Logf("%s: %d tiles, %v", name, len(tiles), err)
		wantFault(t, err, fault.BadInput, "TileTable", opts.TileTable, test.says)
	}
}
