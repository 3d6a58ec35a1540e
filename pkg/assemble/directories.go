package assemble

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/survey"
)

// CodeConfig is the code of a run that another configuration made.
const CodeConfig = "ConfigMismatch"

// FromDirectories makes a run's record from its directories alone, for people
// who ran the stages by hand. A sub-tile counts as failed, with a reason, where
// its results are missing, can't be used, or are not configID's.
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
		case manifest.Local:
			manifests = append(manifests, o.URI)
		case results.ShearFile, results.SummaryFile:
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
	run := &survey.Run{RunID: runID, ConfigID: configID}
	at := map[int64]int{}
	for _, d := range found {
		i, ok := at[d.sub.TileID]
		if !ok {
			i = len(run.Tiles)
			at[d.sub.TileID] = i
			run.Tiles = append(run.Tiles, survey.RunTile{TileID: d.sub.TileID})
		}
		run.Tiles[i].SubTiles = append(run.Tiles[i].SubTiles, d.sub)
	}
	return run, nil
}

// directory is a sub-tile's directory, and the configurations that its
// manifest and its results name; inferred is empty where there are no results.
type directory struct {
	sub                survey.RunSubTile
	prepared, inferred string
}

func readDirectory(ctx context.Context, r objstore.Reader, uri, configID string, left map[string]bool) (directory, error) {
	m, err := readManifest(ctx, r, uri)
	if err != nil {
		return directory{}, err
	}
	dir := strings.TrimSuffix(uri, "/"+manifest.Local)
	d := directory{prepared: m.ConfigID, sub: survey.RunSubTile{RA: m.Centre[0], Dec: m.Centre[1],
		Outcome: results.Outcome{TileID: m.TileID, Row: m.Row, Col: m.Col, Status: results.Failed, Reason: survey.Lost, Directory: dir}}}
	shear := results.File{URI: objstore.Join(dir, results.Directory, results.ShearFile)}
	if !left[shear.URI] {
		return d, nil
	}
	d.inferred = d.prepared
	status, err := "", error(nil)
	if summary := objstore.Join(dir, results.Directory, results.SummaryFile); left[summary] {
		d.inferred, err = namedBy(ctx, r, summary, d.prepared)
	}
	switch {
	case err != nil:
	case d.inferred != configID:
		err = fault.Input(CodeConfig, "the results are of configuration %q, not of %q", d.inferred, configID).On(objstore.Join(dir, results.Directory)).
			Fix("infer the sub-tile under this configuration")
	default:
		status, err = statusOf(ctx, r, shear)
	}
	switch {
	case err == nil:
		d.sub.Status, d.sub.Reason = status, ""
		if status == results.Failed {
			d.sub.Reason = "the engine says so"
		}
		d.sub.Shear, d.sub.Sources = shear, results.File{URI: objstore.Join(dir, results.Directory, results.SourcesFile)}
	case catalog.Unusable(err), fault.CodeOf(err) == CodeConfig:
		d.sub.Reason = err.Error()
	default:
		return d, err
	}
	return d, nil
}

// namedBy is the configuration that a summary.json names, or else.
func namedBy(ctx context.Context, r objstore.Reader, uri, otherwise string) (string, error) {
	s, err := survey.Load[struct {
		ConfigID string `json:"config_id"`
	}](ctx, r, uri)
	if err != nil {
		return "", err
	}
	return cmp.Or(s.ConfigID, otherwise), nil
}

// statusOf is the status in the one row of a shear.parquet.
func statusOf(ctx context.Context, r objstore.Reader, f results.File) (string, error) {
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
