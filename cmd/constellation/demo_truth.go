package main

import (
	"context"
	"fmt"
	"io"
	"math"

	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/report"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/simulate"
)

// measured is the mean shear of a tile's sub-tiles, weighted by their errors.
type measured struct{ weight, sum [2]float64 }

func (m *measured) add(row *results.Shear) {
	for i, v := range [2]struct{ g, err *float32 }{{row.G1, row.G1Err}, {row.G2, row.G2Err}} {
		if v.g == nil || v.err == nil || *v.err <= 0 {
			continue
		}
		w := 1 / float64(*v.err) / float64(*v.err)
		m.weight[i] += w
		m.sum[i] += w * float64(*v.g)
	}
}

// component is the mean of g1 (0) or g2 (1) and its standard error.
func (m *measured) component(i int) (mean, err float64) {
	return m.sum[i] / m.weight[i], 1 / math.Sqrt(m.weight[i])
}

// compare shows what the catalogue says of a simulated survey's shear, beside
// what was put into it.
func compare(ctx context.Context, w io.Writer, settings pipeline.ResolveConfigOut, s simulate.Survey) error {
	tables, err := catalog.Reading(ctx, settings.Catalog)
	if err != nil {
		return err
	}
	defer tables.Close()
	tiles := map[int64]*measured{}
	for row, err := range tables.Rows(ctx, catalog.Filter{ConfigID: settings.Destination.ConfigID}) {
		if err != nil {
			return err
		}
		if tiles[row.TileID] == nil {
			tiles[row.TileID] = &measured{}
		}
		tiles[row.TileID].add(&row.Shear)
	}
	table := report.Table{Header: []string{"tile", "", "injected", "recovered", "standard error", "off by"}}
	for i, id := range s.TargetIDs() {
		truth := s.Shears[i%len(s.Shears)]
		m := tiles[id]
		if m == nil || m.weight[0] == 0 || m.weight[1] == 0 {
			table.Add(id, "", fmt.Sprintf("%v", truth), "nothing", "", "")
			continue
		}
		for c, name := range []string{"g1", "g2"} {
			mean, sigma := m.component(c)
			table.Add(id, name, fmt.Sprintf("%+.4f", truth[c]), fmt.Sprintf("%+.4f", mean), fmt.Sprintf("%.4f", sigma),
				fmt.Sprintf("%.1f standard errors", math.Abs(mean-truth[c])/sigma))
		}
	}
	fmt.Fprintf(w, "\nthe shear that was simulated, and what the engine %q found\n%s", settings.Inference.Engine, table.Text("  "))
	return nil
}
