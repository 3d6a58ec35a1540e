package extract

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// catalogs is what the pass over the catalogues counted.
type catalogs struct {
	bytes                         int64
	outside, duplicates, unplaced int
}

// selectSources goes over each catalogue once and gives every sub-tile the rows
// of its extended area: the tile's own sources first, in the order of the
// files. Own sources in a core are reported by its sub-tile; sources of other
// tiles never are.
func (job Job) selectSources(ctx context.Context, p *plan) error {
	s := &selection{job: job, plan: p, plane: job.Tile.Plane(), seen: map[int64]bool{}}
	defer s.close()
	own := inURIOrder(job.Catalogs)
	for _, f := range own {
		if err := s.read(ctx, f, true); err != nil {
			return fmt.Errorf("select sources: %w", err)
		}
	}
	for _, f := range inURIOrder(job.Neighbours) {
		if slices.Contains(own, f) {
			continue
		}
		if err := s.read(ctx, f, false); err != nil {
			return fmt.Errorf("select sources of a neighbouring tile: %w", err)
		}
	}
	if err := job.each(ctx, p.directories, s.write); err != nil {
		return fmt.Errorf("write catalogue: %w", err)
	}
	return nil
}

func inURIOrder(files []euclid.File) []euclid.File {
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b euclid.File) int { return strings.Compare(a.URI, b.URI) })
	return slices.Compact(files)
}

type selection struct {
	job     Job
	plan    *plan
	plane   sky.Tangent
	layout  *euclid.Layout // the first catalogue's, which all others join
	subsets map[*directory]*euclid.Subset
	seen    map[int64]bool // objects that some sub-tile has
}

func (s *selection) read(ctx context.Context, f euclid.File, own bool) error {
	c, err := euclid.OpenCatalog(ctx, s.job.Source, f)
	if err != nil {
		return err
	}
	defer c.Close()
	if s.layout == nil {
		s.begin(c.Layout())
	}
	join, err := s.layout.Join(c.Layout())
	if err != nil {
		return err
	}
	if own {
		for _, d := range s.plan.directories {
			d.joined = append(d.joined, f.URI)
		}
	}
	err = c.Rows(ctx, func(row euclid.Row) error { return s.place(row, join, f, own) })
	s.plan.catalogs.bytes += f.Size
	if own { // a neighbour's are that tile's
		s.plan.catalogs.unplaced += int(c.Skipped())
	}
	return err
}

func (s *selection) begin(layout *euclid.Layout) {
	s.layout, s.subsets = layout, map[*directory]*euclid.Subset{}
	for _, d := range s.plan.directories {
		s.subsets[d] = euclid.NewSubset(layout, s.job.LowerCase)
	}
}

// place gives a row to the sub-tiles that it belongs to.
func (s *selection) place(row euclid.Row, join *euclid.Join, f euclid.File, own bool) error {
	at, ok := s.plane.Project(row.Pos)
	reported, used := false, false
	for _, d := range s.plan.directories {
		if !ok || !d.sub.Extended.Contains(at) {
			continue
		}
		if !used {
			if s.seen[row.ID] {
				s.plan.catalogs.duplicates++
				return nil
			}
			s.seen[row.ID], used = true, true
			row = join.Row(row)
		}
		if err := s.subsets[d].Add(row); err != nil {
			return err
		}
		d.sources = append(d.sources, row.ID)
		if own && d.sub.Core.Contains(at) {
			d.core = append(d.core, row.ID)
			reported = true
		}
		if !own && d.joined[len(d.joined)-1] != f.URI {
			d.joined = append(d.joined, f.URI)
		}
	}
	if own && !reported {
		s.plan.catalogs.outside++
	}
	return nil
}

func (s *selection) write(ctx context.Context, d *directory) error {
	d.catalog = newProduct(objstore.Join(d.uri, survey.CatalogFile), survey.CatalogFile)
	if err := d.catalog.open(ctx, s.job); err != nil {
		return err
	}
	defer d.catalog.abort()
	if err := s.subsets[d].Write(d.catalog); err != nil {
		return err
	}
	return d.catalog.commit()
}

func (s *selection) close() {
	for _, subset := range s.subsets {
		subset.Close() // a temporary file that is gone already
	}
}
