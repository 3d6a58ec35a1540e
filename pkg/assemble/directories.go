package assemble

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Codes of a run that can't be told from its directories.
const (
	CodeConfig    = "ConfigMismatch" // another configuration made it
	CodeElsewhere = "RunElsewhere"   // some of its sub-tiles lie in another run's
)

// FromDirectories makes a run's record from its directories, for people who ran
// the stages by hand. A sub-tile counts as failed, with a reason, where its
// results are missing, can't be used, or are not configID's, and where its last
// inference failed.
//
// What the run's earlier record says beyond that stays: of tiles that could not
// be prepared, and so have no directories, everything, of the others what they
// were made from and without which exposures.
//
// Whose the results are says summary.json, and where that names no
// configuration, the manifest. A manifest with another id is no obstacle to
// results with the right one: the id covers the inference settings too, and a
// prepared directory may be inferred under others. (There is one id for all
// settings, so this rule can't tell whether the data settings differ as well.)
// A run in which neither a manifest nor results name configID is refused.
func FromDirectories(ctx context.Context, store objstore.Store, runID, configID, runURI string) (*survey.Run, error) {
	var manifests []string
	left := map[string]bool{} // the results files that count here
	err := store.List(ctx, strings.TrimRight(runURI, "/")+"/", func(o objstore.Info) error {
		switch objstore.Base(o.URI) {
		case survey.LocalManifestFile:
			manifests = append(manifests, o.URI)
		case survey.ShearFile, survey.SummaryFile, survey.FailureFile:
			left[o.URI] = true
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
	tiles := map[int64]*survey.RunTile{}
	for _, d := range found {
		if tiles[d.sub.TileID] == nil {
			tiles[d.sub.TileID] = &survey.RunTile{TileID: d.sub.TileID, Plan: d.plan}
		}
		t := tiles[d.sub.TileID]
		if t.Plan != d.plan {
			return nil, fault.Input(CodeConfig, "sub-tiles of tile %d were made from different inputs: %s and %s", t.TileID, t.SubTiles[0].Directory, d.sub.Directory).
				On(runURI).Fix("remove the tile's directory and prepare it again, or prepare it under another --run-id")
		}
		t.SubTiles = append(t.SubTiles, d.sub)
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
		case now == nil && len(t.SubTiles) > 0, now != nil && len(now.SubTiles) < len(t.SubTiles):
			is := 0
			if now != nil {
				is = len(now.SubTiles)
			}
			return fault.Input(CodeElsewhere, "the run's record has %d sub-tiles of tile %d, below it lie %d: the others' directories were removed, or are of an earlier run, whose products this one found in the cache", len(t.SubTiles), t.TileID, is).
				On(record).Fix("have `constellation run --run-id %s` assemble it, or run it anew with --cache off", before.RunID)
		case now != nil && mine && (now.Plan == "" || now.Plan == t.Plan): // else it was prepared from something else since
			now.Plan, now.Again, now.LeftOut, now.Unverified, now.Rows = t.Plan, t.Again, t.LeftOut, t.Unverified, t.Rows
			keepReasons(now.SubTiles, t.SubTiles)
		}
	}
	return nil
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

// directory is a sub-tile's directory, and the configurations that its
// manifest and its results name; inferred is empty where there are no results.
type directory struct {
	sub                survey.RunSubTile
	prepared, inferred string
	plan               string // key of what it was made from
}

func readDirectory(ctx context.Context, r objstore.Reader, uri, configID string, left map[string]bool) (directory, error) {
	m, err := readManifest(ctx, r, uri)
	if err != nil {
		return directory{}, err
	}
	dir := strings.TrimSuffix(uri, "/"+survey.LocalManifestFile)
	d := directory{prepared: m.ConfigID, plan: m.Plan, sub: survey.RunSubTile{
		RA: m.Centre[0], Dec: m.Centre[1], Quadrants: len(m.Quadrants), Extended: len(m.Sources), CoreSources: len(m.Core),
		Outcome: survey.Outcome{SubTileID: m.ID(), Status: survey.StatusFailed, Directory: dir,
			Reason: nothing(dir)},
	}}
	if nothing := m.Nothing(); nothing != "" { // as preparation has it: these are never inferred
		d.sub.Status, d.sub.Reason = nothing, ""
		return d, nil
	}
	if left[objstore.Join(dir, survey.FailureFile)] {
		failure, err := survey.LoadFailure(ctx, r, dir, "", configID) // whoever asked: the directory is the run's
		if err != nil {
			return d, err
		}
		if failure != nil {
			d.sub.Outcome = *failure
			return d, nil
		}
	}
	shear := survey.File{URI: survey.ResultsURI(dir, survey.ShearFile)}
	if !left[shear.URI] {
		return d, nil
	}
	status, err := "", error(nil)
	made := new(survey.Summary)
	if left[survey.ResultsURI(dir, survey.SummaryFile)] {
		made, err = survey.LoadSummary(ctx, r, dir)
	}
	if err == nil {
		d.inferred = cmp.Or(made.ConfigID, d.prepared)
	}
	switch {
	case err != nil:
	case made.Plan != "" && made.Plan != m.Plan:
		err = fault.Input(CodeConfig, "the sub-tile was prepared from something else since it was inferred").On(objstore.Join(dir, survey.ResultsDir)).
			Fix("infer the sub-tile again")
	case d.inferred != configID:
		err = fault.Input(CodeConfig, "the results are of configuration %q, not of %q", d.inferred, configID).On(objstore.Join(dir, survey.ResultsDir)).
			Fix("infer the sub-tile under this configuration")
	default:
		status, err = statusOf(ctx, r, shear)
	}
	switch {
	case err == nil:
		d.sub.Status, d.sub.Reason = status, ""
		if status == survey.StatusFailed {
			d.sub.Reason = "the engine says so"
		}
		d.sub.Shear, d.sub.Sources, err = describe(ctx, r, dir)
		return d, err
	case Unusable(err), fault.CodeOf(err) == CodeConfig:
		d.sub.Status, d.sub.Reason = survey.StatusFailed, err.Error()
	default:
		return d, err
	}
	return d, nil
}

// describe finds size and checksum of a sub-tile's tables. One that isn't there
// is found by who reads it.
func describe(ctx context.Context, r objstore.Reader, dir string) (shear, sources survey.File, err error) {
	shear.URI, sources.URI = survey.ResultsURI(dir, survey.ShearFile), survey.ResultsURI(dir, survey.SourcesFile)
	for _, f := range []*survey.File{&shear, &sources} {
		body, err := r.Get(ctx, f.URI, "", objstore.Whole)
		if objstore.IsNotFound(err) {
			continue
		}
		if err != nil {
			return shear, sources, err
		}
		sum := sha256.New()
		f.Size, err = io.Copy(sum, body)
		body.Close()
		if err != nil {
			return shear, sources, fmt.Errorf("read %s: %w", f.URI, err)
		}
		f.SHA256 = hex.EncodeToString(sum.Sum(nil))
	}
	return shear, sources, nil
}

// statusOf is the status in the one row of a shear.parquet.
func statusOf(ctx context.Context, r objstore.Reader, f survey.File) (string, error) {
	rows, err := results.LoadShear(ctx, r, f)
	if err != nil {
		return "", err
	}
	if len(rows) != 1 {
		return "", fault.Data(results.CodeInvalid, "has %d rows, a sub-tile has one", len(rows)).On(f.URI).Fix("run the inference of this sub-tile again")
	}
	return rows[0].Status, nil
}

func readManifest(ctx context.Context, r objstore.Reader, uri string) (*manifest.Manifest, error) {
	body, err := r.Get(ctx, uri, "", objstore.Whole)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	m, err := manifest.Read(body)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", uri, err)
	}
	return m, nil
}
