package survey

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// Run says, for each tile and sub-tile that was planned, where its products
// lie and how it ended. They lie where this run made them or, where the engine
// had them in its cache, where an earlier one did.
//
// The record of a run in several batches lies in parts, one per batch, which
// the root names; LoadRun joins them.
type Run struct {
	RunID    string    `json:"run_id"`
	ConfigID string    `json:"config_id"`
	Parts    []string  `json:"parts,omitempty"` // relative to the root
	Tiles    []RunTile `json:"tiles"`
	Listed
}

// Listed is what a run's record says of the listings that it began with.
type Listed struct {
	Release string   `json:"release,omitempty"`  // of the MER products: the one that counts
	Missing []string `json:"missing,omitempty"`  // exposures that there are and that the run is without, and why
	LeftOut []string `json:"left_out,omitempty"` // tiles that can't be placed on the sky, and why
	Notes   []string `json:"notes,omitempty"`    // what else was not taken, in a line each
}

// RunTile is one tile of a run.
type RunTile struct {
	TileID  int64    `json:"tile_id"`
	Plan    string   `json:"plan,omitempty"`     // key of what it was made from
	Again   string   `json:"again,omitempty"`    // what that was made again for
	Failure string   `json:"failure,omitempty"`  // why the tile could not be prepared
	LeftOut []string `json:"left_out,omitempty"` // exposures that could not be used, and why
	// Unverified are HDUs that were used although they don't match their checksums.
	Unverified []string     `json:"unverified,omitempty"`
	SubTiles   []RunSubTile `json:"sub_tiles"`
	Rows
}

// Rows counts rows of a tile's catalogues that went nowhere: see TileReport.
type Rows struct {
	Outside    int `json:"outside_grid,omitempty"`
	Duplicates int `json:"duplicates,omitempty"`
	Unplaced   int `json:"unplaced,omitempty"`
}

// RowsOf counts them for a tile that was prepared.
func RowsOf(p *Prepared) Rows { return Rows{p.OutsideGrid, p.Duplicates, p.Unplaced} }

// Given says whether there are any.
func (r Rows) Given() bool { return r != Rows{} }

// String says it in one line.
func (r Rows) String() string {
	var parts []string
	for _, c := range []struct {
		n    int
		what string
	}{
		{r.Outside, "own sources outside the grid of sub-tiles"}, {r.Duplicates, "rows with an OBJECT_ID twice"},
		{r.Unplaced, "rows without an id or a position"},
	} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	return strings.Join(parts, ", ")
}

// Inside counts the tile's own sources that lie in its sub-tiles' cores.
func (t *RunTile) Inside() (n int) {
	for _, s := range t.SubTiles {
		n += s.CoreSources
	}
	return n
}

// RunSubTile is one sub-tile of a run: its centre in degrees, what was prepared
// for it, and its outcome.
type RunSubTile struct {
	RA          float64 `json:"ra"`
	Dec         float64 `json:"dec"`
	Quadrants   int     `json:"quadrants"`
	Extended    int     `json:"extended_sources"` // in the extended area
	CoreSources int     `json:"core_sources"`
	Element     string  `json:"-"` // of the tile's map over infer-subtile, by which the console calls it; empty: not inferred
	Outcome
}

// Counts sums the sub-tiles by status.
func (r *Run) Counts() map[string]int {
	counts := map[string]int{}
	for _, t := range r.Tiles {
		for _, s := range t.SubTiles {
			counts[s.Status]++
		}
	}
	return counts
}

// SubTiles counts them.
func (r *Run) SubTiles() (n int) {
	for _, t := range r.Tiles {
		n += len(t.SubTiles)
	}
	return n
}

// Lost is the reason of a sub-tile whose inference left nothing behind.
const Lost = "inference ended without a result: see the execution's infer-subtile node"

// Add joins what was prepared for a tile with what inference said about those
// of its sub-tiles that were to be inferred, in their order. An outcome that is
// nil was lost with its pod; without outcomes at all nothing was to be inferred.
// The budget is that of ToInfer.
func (r *Run) Add(p *Prepared, outcomes []*Outcome, budget int64) {
	t := RunTile{TileID: p.TileID, Plan: p.Plan, Again: p.Again, Failure: p.Failure, Unverified: p.Unverified, Rows: RowsOf(p)}
	for _, l := range slices.Concat(p.LeftOut, p.Lost) {
		t.LeftOut = append(t.LeftOut, l.String())
	}
	inferred := p.ToInfer(budget)
	for i, s := range p.SubTiles {
		o := Outcome{SubTileID: s.ID(p.TileID), Status: s.Status, Directory: s.Directory}
		at, to := slices.BinarySearch(inferred, int64(i))
		switch {
		case p.Failure != "":
			o.Status, o.Reason = StatusFailed, p.Failure
		case !to:
			if why := p.TooLarge(i, budget); why != "" && s.Status == StatusOK {
				o.Status, o.Reason = StatusFailed, why
			}
		case outcomes == nil:
			o.Status = StatusPrepared
		case at < len(outcomes) && outcomes[at] != nil:
			o = r.own(p, i, *outcomes[at])
		default:
			o.Status, o.Reason = StatusFailed, fmt.Sprintf("%s, element %d of tile %d", Lost, at, p.TileID)
		}
		element := ""
		if to && p.Failure == "" && outcomes != nil {
			element = strconv.Itoa(at)
		}
		t.SubTiles = append(t.SubTiles, RunSubTile{s.RA, s.Dec, s.Quadrants, s.Sources, s.CoreSources, element, o})
	}
	r.Tiles = append(r.Tiles, t)
}

// own holds an outcome to the sub-tile that it is to be of: to its directory, what
// that was made from, and the run's configuration.
func (r *Run) own(p *Prepared, i int, o Outcome) Outcome {
	s := p.SubTiles[i]
	why := ""
	switch {
	case o.Status == StatusFailed:
		o.SubTileID, o.Directory = s.ID(p.TileID), s.Directory
	case o.SubTileID != s.ID(p.TileID) || o.Directory != s.Directory:
		why = fmt.Sprintf("the outcome is of sub-tile %s in %s", o.SubTileID, o.Directory)
	case o.Plan == "" || o.ConfigID == "":
		why = "the outcome does not say what it was inferred from: an older version made it"
	case o.Plan != p.Plan:
		why = "it was inferred from something else than was prepared"
	case o.ConfigID != r.ConfigID:
		why = fmt.Sprintf("it was inferred under configuration %.12s, this is %.12s", o.ConfigID, r.ConfigID)
	}
	o.Plan, o.ConfigID = "", ""
	if why != "" {
		o = Outcome{SubTileID: s.ID(p.TileID), Directory: s.Directory}
		o.lose(s.Directory + ": " + why + Remade)
	}
	return o
}

// Collect reads what a batch of tiles left: for each tile the URI of its
// Prepared document, and the URIs of its outcomes, empty where there is none.
// Without outcomes at all nothing was to be inferred.
func Collect(ctx context.Context, r objstore.Reader, runURI, runID, configID string, prepared []string, outcomes [][]string, budget int64) (*Run, error) {
	if outcomes != nil && len(outcomes) != len(prepared) {
		return nil, fault.New(fault.Bug, "TileCount", "%d tiles were prepared, %d have outcomes", len(prepared), len(outcomes))
	}
	tiles, ended := make([]*Prepared, len(prepared)), make([][]*Outcome, len(prepared))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(documentsAtOnce)
	for i, uri := range prepared {
		g.Go(func() (err error) {
			tiles[i], err = Load[Prepared](gctx, r, uri)
			return err
		})
		if outcomes == nil {
			continue
		}
		ended[i] = make([]*Outcome, len(outcomes[i]))
		for j, uri := range outcomes[i] {
			if uri == "" {
				continue
			}
			g.Go(func() (err error) {
				ended[i][j], err = Load[Outcome](gctx, r, uri)
				return err
			})
		}
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("collect the run's outcomes: %w", err)
	}
	if err := explain(ctx, r, runURI, runID, configID, tiles, ended, budget); err != nil {
		return nil, fmt.Errorf("collect the run's failures: %w", err)
	}
	run := &Run{RunID: runID, ConfigID: configID}
	for i, p := range tiles {
		run.Add(p, ended[i], budget)
	}
	return run, nil
}

// explain finds why inferences left no outcome, as far as they said.
func explain(ctx context.Context, r objstore.Reader, runURI, runID, configID string, tiles []*Prepared, ended [][]*Outcome, budget int64) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(documentsAtOnce)
	for i, p := range tiles {
		for j, k := range p.ToInfer(budget) {
			if j < len(ended[i]) && ended[i][j] == nil {
				g.Go(func() (err error) {
					ended[i][j], err = LoadFailure(gctx, r, SubTileURI(runURI, p.SubTiles[k].ID(p.TileID)), runID, configID)
					return err
				})
			}
		}
	}
	return g.Wait()
}

// MarkFailures has the next run prepare again the tiles that failed, those too
// whose failure the cache answered with, and those whose products are not there
// any more as they were made.
func (r *Run) MarkFailures(ctx context.Context, redo Redo) error {
	for _, t := range r.Tiles {
		lost := slices.ContainsFunc(t.SubTiles, func(s RunSubTile) bool { return s.Redo })
		if (t.Failure != "" || lost) && t.Plan != "" {
			if err := redo.Failed(ctx, t.Plan, t.Again, r.RunID); err != nil {
				return err
			}
		}
	}
	return nil
}

// SaveRun writes a run's root document beside its parts and returns its URI.
// The tiles of a single part are written out in it.
func SaveRun(ctx context.Context, store objstore.Store, runURI, runID, configID string, parts []string, listed Listed) (string, error) {
	run := &Run{RunID: runID, ConfigID: configID, Tiles: []RunTile{}, Listed: listed}
	for _, uri := range parts {
		rel, err := objstore.Rel(runURI, uri)
		if err != nil {
			return "", err
		}
		run.Parts = append(run.Parts, rel)
	}
	if len(parts) == 1 {
		only, err := Load[Run](ctx, store, parts[0])
		if err != nil {
			return "", err
		}
		run.Tiles, run.Parts = only.Tiles, nil
	}
	uri := RunURI(runURI)
	return uri, Save(ctx, store, uri, run)
}

// LoadRun reads a run's record with all its parts.
func LoadRun(ctx context.Context, r objstore.Reader, uri string) (*Run, error) {
	run, err := Load[Run](ctx, r, uri)
	if err != nil || len(run.Parts) == 0 {
		return run, err
	}
	named := make(map[string]bool, len(run.Parts))
	for _, part := range run.Parts {
		if !filepath.IsLocal(part) || strings.Contains(part, "://") {
			return nil, fault.Data("DocumentInvalid", "its part %q does not lie below it", part).On(uri).Fix("run record-run again")
		}
		if named[filepath.Clean(part)] {
			return nil, fault.Data("DocumentInvalid", "it names its part %q twice", part).On(uri).Fix("run record-run again")
		}
		named[filepath.Clean(part)] = true
	}
	base := strings.TrimSuffix(uri, "/"+objstore.Base(uri))
	parts := make([]*Run, len(run.Parts))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(documentsAtOnce)
	for i, part := range run.Parts {
		g.Go(func() (err error) {
			parts[i], err = Load[Run](gctx, r, objstore.Join(base, part))
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("read the parts of %s: %w", uri, err)
	}
	for _, part := range parts {
		run.Tiles = append(run.Tiles, part.Tiles...)
	}
	run.Parts = nil
	return run, nil
}
