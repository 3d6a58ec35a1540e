package catalogerrand

import (
	"context"
	"iter"
	"time"

	"github.com/cosmostat/constellation/internal/testing/resulttest"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/results"
)

// fill commits a survey's rows, as they are made, some tiles at a time.
func (e Errand) fill(ctx context.Context, c *catalog.Catalog) (*Account, error) {
	a := &Account{}
	for from := 0; from < e.Survey.Tiles; from += e.Batch {
		if from/e.Batch%commitsPerTidy == commitsPerTidy-1 { // as selecting tiles does in a campaign
			if err := c.Tidy(ctx); err != nil {
				return nil, err
			}
		}
		b := a.batch(e.Survey, from, min(from+e.Batch, e.Survey.Tiles))
		b.RunID = "filled"
		s, err := c.Commit(ctx, b)
		if err != nil {
			return nil, err
		}
		a.Rows, a.Sources = a.Rows+s.ShearRows, a.Sources+s.SourceRows
	}
	return a, c.Tidy(ctx)
}

const commitsPerTidy = 16

// replace commits some tiles, one by one.
func (e Errand) replace(ctx context.Context, c *catalog.Catalog) (*Account, error) {
	a := &Account{}
	for _, i := range e.Tiles {
		b := a.batch(e.Survey, i, i+1)
		b.RunID = "replaced"
		err := a.step(func() error {
			s, err := c.Commit(ctx, b)
			a.Rows, a.Sources = a.Rows+s.ShearRows, a.Sources+s.SourceRows
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return a, nil
}

// batch is that of some of a survey's tiles.
func (a *Account) batch(s resulttest.Survey, from, to int) catalog.Batch {
	b := catalog.Batch{ConfigID: s.ConfigID}
	only := s
	only.Sources = 0
	for i := from; i < to; i++ {
		t := s.Tile(i)
		b.Tiles = append(b.Tiles, t.ID)
		for _, sub := range s.Grid.SubTiles(t) {
			row, _ := only.Rows(sub, nil)
			row.NSources = int32(s.Used())
			b.Shear = append(b.Shear, row)
		}
	}
	if s.Sources > 0 {
		b.Sources = records(a.chunks(s, from, to))
	}
	return b
}

const rowsPerChunk = 1 << 14

// chunks are the sources of some tiles. The slice is used again.
func (a *Account) chunks(s resulttest.Survey, from, to int) iter.Seq2[[]results.Source, error] {
	return func(yield func([]results.Source, error) bool) {
		var rows []results.Source
		for i := from; i < to; i++ {
			for _, sub := range s.Grid.SubTiles(s.Tile(i)) {
				start := time.Now()
				_, rows = s.Rows(sub, rows)
				a.Making += time.Since(start)
				if len(rows) >= rowsPerChunk {
					if !yield(rows, nil) {
						return
					}
					rows = rows[:0]
				}
			}
		}
		if len(rows) > 0 {
			yield(rows, nil)
		}
	}
}
