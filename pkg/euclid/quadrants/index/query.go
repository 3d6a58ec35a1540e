package index

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/golang/geo/s1"
	"github.com/golang/geo/s2"
	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/sky"
)

const (
	// readsAtOnce bounds the requests of a query that are on their way; each
	// holds up to maxRead bytes and then the rows of one row group, ~5 MB in all.
	readsAtOnce = 4
	maxRead     = 2 << 20
	// coverCells bounds the cells that stand for the circle of a query: enough
	// for a cover that is not much larger.
	coverCells = 32
	// slack, in degrees, is for a centre that was rounded to a cell, and for the
	// hundredth by which euclid.Overlapping widens a quadrant.
	slack = 1e-6
	widen = 1.01
)

// Index is a dataset that is open for queries.
type Index struct {
	r   objstore.Reader
	doc *root
}

// Open reads the root document, by one request.
func Open(ctx context.Context, r objstore.Reader, uri string) (*Index, error) {
	doc, err := loadRoot(ctx, r, uri)
	if err != nil {
		return nil, err
	}
	return &Index{r, doc}, nil
}

// Summary is what the dataset holds.
func (x *Index) Summary() *Summary { return x.doc.summary() }

// Near returns the quadrants that may reach into a circle, as
// euclid.Overlapping selects them from all, by exposure and name. Three round
// trips to the store, with that of [Open].
func (x *Index) Near(ctx context.Context, centre sky.Coord, radiusDeg float64) ([]euclid.Quadrant, error) {
	var near []euclid.Quadrant
	var lock sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	limit := make(chan struct{}, readsAtOnce)
	for i := range x.doc.Runs {
		run := &x.doc.Runs[i]
		q := &query{r: x.r, centre: centre, radius: radiusDeg, limit: limit, hidden: run.hidden(),
			cover: cover(centre, radiusDeg+widen*run.Reach+slack)}
		q.found = func(qs []euclid.Quadrant) {
			lock.Lock()
			defer lock.Unlock()
			near = append(near, qs...)
		}
		for _, f := range run.Files {
			if q.meets(s2.CellID(f.First), s2.CellID(f.Last)) {
				g.Go(func() error { return q.file(gctx, g, f) })
			}
		}
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(near, func(a, b euclid.Quadrant) int {
		return cmp.Or(a.Exposure.Compare(b.Exposure), strings.Compare(a.Name, b.Name))
	})
	return near, nil
}

// query is one run's part of a question.
type query struct {
	r      objstore.Reader
	centre sky.Coord
	radius float64
	cover  []span
	hidden map[euclid.ExposureID]bool
	limit  chan struct{}
	found  func([]euclid.Quadrant)
}

// span is a range of cells, both ends in.
type span struct{ first, last s2.CellID }

// cover returns the spans, in order, that hold all cells of a circle.
func cover(centre sky.Coord, radiusDeg float64) []span {
	circle := s2.CapFromCenterAngle(point(centre), s1.Angle(min(radiusDeg, 180))*s1.Degree)
	cells := (&s2.RegionCoverer{MaxLevel: s2.MaxLevel, MaxCells: coverCells}).Covering(circle)
	var spans []span
	for _, c := range cells { // sorted
		first, last := c.RangeMin(), c.RangeMax()
		if n := len(spans); n > 0 && spans[n-1].last.Next() == first {
			spans[n-1].last = last
		} else {
			spans = append(spans, span{first, last})
		}
	}
	return spans
}

// meets says whether a range of cells has any of the circle's.
func (q *query) meets(first, last s2.CellID) bool {
	return slices.ContainsFunc(q.cover, func(s span) bool { return s.first <= last && first <= s.last })
}

// file reads the row groups of a file that the circle meets, those that lie
// together by one request.
func (q *query) file(ctx context.Context, g *errgroup.Group, f fileEntry) error {
	t, err := q.open(ctx, f)
	if err != nil {
		return err
	}
	for from, to := 0, 0; from < len(t.groups); from = max(to, from+1) {
		to = from
		for size := int64(0); to < len(t.groups) && q.meets(t.groups[to].first, t.groups[to].last); to++ {
			if size += t.groups[to].size; size > maxRead && to > from {
				break
			}
		}
		if to > from {
			g.Go(func() error { return q.groups(ctx, t, from, to) })
		}
	}
	return nil
}

func (q *query) open(ctx context.Context, f fileEntry) (*table, error) {
	q.limit <- struct{}{}
	defer func() { <-q.limit }()
	return openTable(ctx, q.r, f)
}

// groups reads row groups and selects from them.
func (q *query) groups(ctx context.Context, t *table, from, to int) error {
	q.limit <- struct{}{}
	defer func() { <-q.limit }()
	data, err := t.fetch(ctx, q.r, from, to)
	if err != nil {
		return err
	}
	for i := from; i < to; i++ {
		rows, err := t.rows(data, from, i)
		if err != nil {
			return err
		}
		q.found(q.choose(rows))
	}
	return nil
}

func (q *query) choose(rows []row) []euclid.Quadrant {
	var candidates []euclid.Quadrant
	for i := range rows {
		if r := &rows[i]; q.meets(r.cell, r.cell) && !q.hidden[r.exposure] {
			candidates = append(candidates, r.quadrant())
		}
	}
	return euclid.Overlapping(candidates, q.centre, q.radius)
}
