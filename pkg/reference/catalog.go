package reference

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/sky"
)

const pixelScale = 0.1 // arcsec: of the catalogue's lengths, and of stamps' sizes

// readSources reads the sources of the manifest, in the order of their ids.
// Columns beside id and position are hints: a catalogue may lack them.
func readSources(ctx context.Context, dir string, m *manifest.Manifest) ([]source, error) {
	store := objstore.Open(ctx, objstore.Config{})
	path := filepath.Join(dir, m.Catalog)
	info, err := store.Stat(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("read the sub-tile's catalogue: %w", err)
	}
	cat, err := euclid.OpenCatalog(ctx, store, euclid.File{URI: info.URI, Size: info.Size, ETag: info.ETag})
	if err != nil {
		return nil, err
	}
	wanted := make(map[int64]bool, len(m.Sources)) // and whether it is core
	for _, id := range m.Sources {
		wanted[id] = false
	}
	for _, id := range m.Core {
		wanted[id] = true
	}
	columns := cat.Layout().Columns()
	flux, axis := hint(columns, "flux_detection_total"), hint(columns, "semimajor_axis")
	point, spurious := hint(columns, "point_like_flag"), hint(columns, "spurious_flag")
	var all []source
	if err := cat.Rows(ctx, func(r euclid.Row) error {
		core, ok := wanted[r.ID]
		if !ok {
			return nil
		}
		delete(wanted, r.ID)
		s := source{id: r.ID, pos: sky.Normalize(r.Pos), core: core}
		s.guess.flux = value(flux, r.Bytes, 1)
		if !(s.guess.flux > 0.01 && s.guess.flux < 1e7) {
			s.guess.flux = 1
		}
		// Of an exponential disc, a little of the PSF taken away.
		size := value(axis, r.Bytes, 4) * pixelScale
		radius := math.Sqrt(max(size*size-0.01, 0.0225)) / 0.87
		if !(radius < largest/2) {
			radius = 0.4
		}
		s.guess.shape.a = 2 * math.Log(radius)
		if value(point, r.Bytes, 0) == 1 {
			s.flags |= FlagCatalog
			s.guess.shape.a = 2 * math.Log(0.05)
		}
		if value(spurious, r.Bytes, 0) == 1 {
			s.flags |= FlagCatalog
			s.guess.flux = 0.01
		}
		s.half = min(max(int(math.Ceil((0.9+3.5*radius)/pixelScale)), 14), 48)
		all = append(all, s)
		return nil
	}); err != nil {
		return nil, err
	}
	for id, core := range wanted {
		if core {
			return nil, fault.Data(CodeSubTile, "core source %d of the manifest is not in the catalogue", id).On(path).Fix("prepare the tile again")
		}
	}
	slices.SortFunc(all, func(a, b source) int {
		if a.id < b.id {
			return -1
		}
		return 1
	})
	return all, nil
}

// hint is a column of numbers, or nil, also where several have the name.
func hint(columns []fits.Column, name string) (found *fits.Column) {
	for i := range columns {
		if c := &columns[i]; c.Repeat == 1 && strings.EqualFold(c.Name, name) {
			if found != nil {
				return nil
			}
			found = c
		}
	}
	return found
}

func value(c *fits.Column, row []byte, otherwise float64) float64 {
	if c == nil {
		return otherwise
	}
	switch c.Type {
	case 'B', 'I', 'J', 'K':
		if v, null := c.Int64(row); !null {
			return float64(v)
		}
	case 'E', 'D':
		if v := c.Float64(row); !math.IsNaN(v) && !math.IsInf(v, 0) {
			return v
		}
	}
	return otherwise
}

// neighbours finds, for each core source, the sources whose light may reach
// its stamps. It reports which sources must be fitted: core ones, and those.
func neighbours(all []source) []bool {
	fitted := make([]bool, len(all))
	first := slices.IndexFunc(all, func(s source) bool { return s.core })
	if first < 0 {
		return fitted
	}
	plane := sky.NewTangent(all[first].pos)
	type place struct {
		at    int
		u, v  float64
		reach float64
	}
	places := make([]place, 0, len(all))
	for i := range all {
		o, ok := plane.Project(all[i].pos)
		if !ok {
			continue
		}
		const spill = 4 // arcsec, of the PSF's wings
		places = append(places, place{i, -3600 * o.Xi, 3600 * o.Eta, spill + 3.5*all[i].guess.shape.radius()})
	}
	slices.SortFunc(places, func(a, b place) int {
		switch {
		case a.v < b.v:
			return -1
		case a.v > b.v:
			return 1
		}
		return a.at - b.at
	})
	const furthestReach = 1.5*48*pixelScale + 4 + 3.5*largest/2
	for i, p := range places {
		s := &all[p.at]
		fitted[p.at] = fitted[p.at] || s.core
		for _, step := range []int{-1, 1} {
			for j := i + step; j >= 0 && j < len(places) && math.Abs(places[j].v-p.v) < furthestReach; j += step {
				o := &places[j]
				if math.Hypot(o.u-p.u, o.v-p.v) < 1.4*float64(s.half)*pixelScale+o.reach {
					local, _ := sky.NewTangent(s.pos).Project(all[o.at].pos) // north turns within a sub-tile
					s.near = append(s.near, near{o.at, -3600 * local.Xi, 3600 * local.Eta})
					fitted[o.at] = fitted[o.at] || s.core
				}
			}
		}
		slices.SortFunc(s.near, func(a, b near) int { return a.index - b.index })
	}
	return fitted
}
