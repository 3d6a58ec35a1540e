package assemble

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Codes of a run that can't be told from its directories.
const (
	CodeConfig    = "ConfigMismatch" // another configuration made it
	CodeElsewhere = "RunElsewhere"   // some of its sub-tiles lie in another run's
)

// FromDirectories makes a run's record from its directories, for people who ran
// the stages by hand. A sub-tile counts as failed, with a reason, where the grid has
// it and it has no directory, where its results are missing or are not configID's,
// and where its last inference failed. Of the results themselves it reads nothing:
// [Commit] does, and finds how they ended.
//
// What the run's earlier record says beyond that stays: of tiles that could not
// be prepared, and so have no directories, everything, of the others what they
// were made from and without which exposures, and of results files that are what
// they were when they were read, what that found.
//
// Whose the results are says summary.json, and where that names no
// configuration, the manifest. A manifest with another id is no obstacle to
// results with the right one: the id covers the inference settings too, and a
// prepared directory may be inferred under others. (There is one id for all
// settings, so this rule can't tell whether the data settings differ as well; but a
// directory that isn't one of the grid is refused.)
// A run in which neither a manifest nor results name configID is refused.
func FromDirectories(ctx context.Context, store objstore.Store, runID, configID, runURI string, grid sky.Grid) (*survey.Run, error) {
	var manifests []string
	left := map[string]objstore.Info{} // the files of results that are there
	err := store.List(ctx, strings.TrimRight(runURI, "/")+"/", func(o objstore.Info) error {
		switch objstore.Base(o.URI) {
		case survey.LocalManifestFile:
			manifests = append(manifests, o.URI)
		case survey.ShearFile, survey.SourcesFile, survey.SummaryFile, survey.FailureFile:
			left[o.URI] = o
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the run: %w", err)
	}
	if len(manifests) == 0 {
		return nil, fault.Input("RunEmpty", "there are no sub-tile directories").On(runURI).Fix("check --run-id and output.storage_base_uri")
	}
	found := make([]directory, len(manifests))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(documentReads)
	for i, uri := range manifests {
		g.Go(func() (err error) {
			found[i], err = readDirectory(gctx, store, uri, configID, left)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(found, func(d directory) bool { return d.prepared == configID || d.inferred == configID }) {
		return nil, fault.Input(CodeConfig, "the run was prepared under configuration %q, this is %q, and it has no results of this one", found[0].prepared, configID).
			On(manifests[0]).Fix("give the configuration that prepared the run, or infer it under this one")
	}
	tiles, err := tilesOf(runURI, found, grid)
	if err != nil {
		return nil, err
	}
	run := &survey.Run{RunID: runID, ConfigID: configID}
	if err := remember(ctx, store, runURI, run, tiles); err != nil {
		return nil, err
	}
	for _, id := range slices.Sorted(maps.Keys(tiles)) {
		slices.SortFunc(tiles[id].SubTiles, func(a, b survey.RunSubTile) int { return a.Compare(b.SubTileID) })
		run.Tiles = append(run.Tiles, *tiles[id])
	}
	return run, nil
}

// apart is how far, in degrees, a tile may lie from where another of its sub-tiles says.
const apart = 1e-6

// tilesOf puts directories together to tiles, and adds what a grid has and no
// directory is there of. Without rows and columns nobody says what there should be.
func tilesOf(runURI string, found []directory, grid sky.Grid) (map[int64]*survey.RunTile, error) {
	tiles, places := map[int64]*survey.RunTile{}, map[int64]sky.Coord{}
	for _, d := range found {
		t := tiles[d.sub.TileID]
		if t == nil {
			t = &survey.RunTile{TileID: d.sub.TileID, Plan: d.plan}
			tiles[t.TileID] = t
		}
		if t.Plan != d.plan {
			return nil, fault.Input(CodeConfig, "sub-tiles of tile %d were made from different inputs: %s and %s", t.TileID, t.SubTiles[0].Directory, d.sub.Directory).
				On(runURI).Fix("remove the tile's directory and prepare it again, or prepare it under another --run-id")
		}
		if len(d.corners) > 0 && grid.Rows*grid.Cols > 0 {
			centre, is := grid.Locate(d.sub.Cell, d.corners)
			if other, placed := places[t.TileID]; !is || placed && sky.Separation(centre, other) > apart {
				return nil, fault.Input(CodeConfig, "%s is none of the %d x %d sub-tiles of the configured grid", d.sub.SubTileID, grid.Rows, grid.Cols).On(d.sub.Directory).
					Fix("give the configuration that prepared the run: sub_tile_grid and mer_tile_size_arcmin say which sub-tiles there are")
			}
			places[t.TileID] = centre
		}
		t.SubTiles = append(t.SubTiles, d.sub)
	}
	for id, centre := range places {
		t := tiles[id]
		for _, s := range grid.SubTiles(sky.Tile{ID: id, Centre: centre}) {
			if slices.ContainsFunc(t.SubTiles, func(is survey.RunSubTile) bool { return is.Cell == s.Cell }) {
				continue
			}
			dir, at := survey.SubTileURI(runURI, s.ID()), s.Centre()
			t.SubTiles = append(t.SubTiles, survey.RunSubTile{RA: at.RA, Dec: at.Dec,
				Outcome: survey.Outcome{SubTileID: s.ID(), Status: survey.StatusFailed, Directory: dir, Reason: missing(dir)}})
		}
	}
	return tiles, nil
}

// remember adds what the run's earlier record knows of its tiles and of what it began with.
func remember(ctx context.Context, r objstore.Reader, runURI string, run *survey.Run, tiles map[int64]*survey.RunTile) error {
	record := survey.RunURI(runURI)
	before, err := survey.LoadRun(ctx, r, record)
	if objstore.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	mine := before.ConfigID == run.ConfigID
	if mine {
		run.Listed = before.Listed
	}
	for _, t := range before.Tiles {
		now := tiles[t.TileID]
		switch {
		case now == nil && t.Failure != "" && mine:
			tiles[t.TileID] = &t
		case t.Failure != "": // it was prepared by hand since, or is another configuration's failure
		case now == nil && present(&t) > 0, now != nil && present(now) < present(&t):
			is := 0
			if now != nil {
				is = present(now)
			}
			return fault.Input(CodeElsewhere, "the run's record has %d sub-tiles of tile %d, below it lie %d: the others' directories were removed, or are of an earlier run, whose products this one found in the cache", present(&t), t.TileID, is).
				On(record).Fix("have `constellation run --run-id %s` assemble it, or run it anew with --cache off", before.RunID)
		case now != nil && mine && (now.Plan == "" || now.Plan == t.Plan): // else it was prepared from something else since
			now.Plan, now.Again, now.LeftOut, now.Unverified, now.Rows = t.Plan, t.Again, t.LeftOut, t.Unverified, t.Rows
			keepReasons(now.SubTiles, t.SubTiles)
			keepFiles(now.SubTiles, t.SubTiles)
		}
	}
	return nil
}

// present counts the sub-tiles of a tile that have a directory.
func present(t *survey.RunTile) (n int) {
	for _, s := range t.SubTiles {
		if s.Reason != missing(s.Directory) {
			n++
		}
	}
	return n
}

// keepFiles keeps what was found by reading results whose files are the same objects still.
func keepFiles(now, before []survey.RunSubTile) {
	known := make(map[sky.SubTileID]survey.Outcome, len(before))
	for _, s := range before {
		known[s.SubTileID] = s.Outcome
	}
	for i := range now {
		s, was := &now[i], known[now[i].SubTileID]
		if measured(s) && was.Directory == s.Directory && same(s.Shear, was.Shear) && same(s.Sources, was.Sources) {
			s.Shear, s.Sources, s.Status, s.Reason = was.Shear, was.Sources, was.Status, was.Reason
		}
	}
}

// same says whether a listed file is the object whose checksum is known.
func same(listed, known survey.File) bool {
	return listed.URI == known.URI && listed.Size == known.Size && listed.ETag == known.ETag && listed.ETag != "" && known.SHA256 != ""
}

// keepReasons has sub-tiles that nothing was found of keep why they failed before,
// such as that they are too large for the GPU.
func keepReasons(now, before []survey.RunSubTile) {
	for i := range now {
		for _, b := range before {
			if s := &now[i]; s.SubTileID == b.SubTileID && s.Directory == b.Directory && s.Reason == nothing(s.Directory) && b.Status == survey.StatusFailed && b.Reason != survey.Lost {
				s.Reason = b.Reason
			}
		}
	}
}

// nothing is the reason of a sub-tile that nobody has inferred.
func nothing(dir string) string {
	return "there is no inference result in " + dir + ": constellation infer makes one"
}

// missing is the reason of a sub-tile that has no directory.
func missing(dir string) string {
	return "there is no directory " + dir + ": constellation prepare makes one"
}

// directory is a sub-tile's directory, and the configurations that its
// manifest and its results name; inferred is empty where there are no results.
type directory struct {
	sub                survey.RunSubTile
	prepared, inferred string
	plan               string      // key of what it was made from
	corners            []sky.Coord // of the core
}

func readDirectory(ctx context.Context, r objstore.Reader, uri, configID string, left map[string]objstore.Info) (directory, error) {
	text, err := readText(ctx, r, uri)
	if err != nil {
		return directory{}, err
	}
	m, err := manifest.ReadOutline(text)
	texts.Put(&text)
	if err != nil {
		return directory{}, fmt.Errorf("read %s: %w", uri, err)
	}
	dir := strings.TrimSuffix(uri, "/"+survey.LocalManifestFile)
	d := directory{prepared: m.ConfigID, plan: m.Plan, sub: survey.RunSubTile{
		RA: m.Centre[0], Dec: m.Centre[1], Quadrants: m.Quadrants, Extended: m.Sources, CoreSources: len(m.Core),
		Outcome: survey.Outcome{SubTileID: m.SubTileID, Status: survey.StatusFailed, Directory: dir,
			Reason: nothing(dir)},
	}}
	for _, c := range m.CorePolygon {
		d.corners = append(d.corners, sky.Coord{RA: c[0], Dec: c[1]})
	}
	if nothing := m.Nothing(); nothing != "" { // as preparation has it: these are never inferred
		d.sub.Status, d.sub.Reason = nothing, ""
		return d, nil
	}
	if _, failed := left[objstore.Join(dir, survey.FailureFile)]; failed {
		failure, err := survey.LoadFailure(ctx, r, dir, "", configID) // whoever asked: the directory is the run's
		if err != nil {
			return d, err
		}
		if failure != nil {
			d.sub.Outcome = *failure
			return d, nil
		}
	}
	if _, inferred := left[survey.ResultsURI(dir, survey.ShearFile)]; !inferred {
		return d, nil
	}
	err = d.claim(ctx, r, m, configID, left)
	switch {
	case err == nil: // as far as is known without reading them
		d.sub.Status, d.sub.Reason = survey.StatusOK, ""
		d.sub.Shear, d.sub.Sources = listed(left, survey.ResultsURI(dir, survey.ShearFile)), listed(left, survey.ResultsURI(dir, survey.SourcesFile))
	case Unusable(err), fault.CodeOf(err) == CodeConfig:
		d.sub.Status, d.sub.Reason = survey.StatusFailed, err.Error()
	default:
		return d, err
	}
	return d, nil
}

// claim finds whose the results in a directory are, and refuses others'.
func (d *directory) claim(ctx context.Context, r objstore.Reader, m *manifest.Outline, configID string, left map[string]objstore.Info) error {
	dir, made := d.sub.Directory, new(survey.Summary)
	if _, is := left[survey.ResultsURI(dir, survey.SummaryFile)]; is {
		var err error
		if made, err = survey.LoadSummary(ctx, r, dir); err != nil {
			return err
		}
	}
	d.inferred = cmp.Or(made.ConfigID, d.prepared)
	switch {
	case made.Plan != "" && made.Plan != m.Plan:
		return fault.Input(CodeConfig, "the sub-tile was prepared from something else since it was inferred").On(objstore.Join(dir, survey.ResultsDir)).
			Fix("infer the sub-tile again")
	case d.inferred != configID:
		return fault.Input(CodeConfig, "the results are of configuration %q, not of %q", d.inferred, configID).On(objstore.Join(dir, survey.ResultsDir)).
			Fix("infer the sub-tile under this configuration")
	}
	return nil
}

// listed is a results file as it was listed. One that isn't there is found by who reads it.
func listed(left map[string]objstore.Info, uri string) survey.File {
	o := left[uri]
	return survey.File{URI: uri, Size: o.Size, ETag: o.ETag}
}
