package assemble

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/results"
)

// FromDirectories makes a run's record from its directories alone, for people
// who ran the stages by hand. A sub-tile without results counts as failed.
func FromDirectories(ctx context.Context, store objstore.Store, runID, configID, runURI string) (*Run, error) {
	var manifests []string
	measured := map[string]bool{}
	err := store.List(ctx, strings.TrimRight(runURI, "/")+"/", func(o objstore.Info) error {
		switch objstore.Base(o.URI) {
		case manifest.Local:
			manifests = append(manifests, o.URI)
		case results.ShearFile:
			measured[strings.TrimSuffix(o.URI, "/"+results.Directory+"/"+results.ShearFile)] = true
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the run: %w", err)
	}
	if len(manifests) == 0 {
		return nil, fault.Input("RunEmpty", "there are no sub-tile directories").On(runURI).Fix("check --run-id and output.storage_base_uri")
	}
	run := &Run{RunID: runID, ConfigID: configID}
	for _, uri := range manifests {
		m, err := readManifest(ctx, store, uri)
		if err != nil {
			return nil, err
		}
		dir := strings.TrimSuffix(uri, "/"+manifest.Local)
		s := RunSubTile{Outcome: results.Outcome{TileID: m.TileID, Row: m.Row, Col: m.Col, Status: results.Failed, Reason: lost, Directory: dir}}
		s.RA, s.Dec = m.Centre[0], m.Centre[1]
		if measured[dir] {
			s.Reason = ""
			s.Shear = results.File{URI: objstore.Join(dir, results.Directory, results.ShearFile)}
			s.Sources = results.File{URI: objstore.Join(dir, results.Directory, results.SourcesFile)}
			rows, err := results.LoadShear(ctx, store, s.Shear)
			if err != nil {
				return nil, err
			}
			if len(rows) == 1 {
				s.Status = rows[0].Status
			}
		}
		i := slices.IndexFunc(run.Tiles, func(t RunTile) bool { return t.TileID == m.TileID })
		if i < 0 {
			i = len(run.Tiles)
			run.Tiles = append(run.Tiles, RunTile{TileID: m.TileID})
		}
		run.Tiles[i].SubTiles = append(run.Tiles[i].SubTiles, s)
	}
	return run, nil
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
