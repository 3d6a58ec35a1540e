package shine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// mock writes results of the right form with random content. The random
// numbers are seeded with the sub-tile and the configuration.
func (j *Job) mock(ctx context.Context, out string, m *manifest.Manifest) error {
	positions, err := j.positions(ctx, m)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewChaCha8(sha256.Sum256(fmt.Appendf(nil, "mock %d %d %d %s", m.TileID, m.Row, m.Col, j.ConfigID))))
	exposures := map[string]bool{}
	for _, q := range m.Quadrants {
		exposures[q.Obs+q.Dither+q.CCD] = true
	}
	normal := func(mean, sigma float64) *float32 { return new(float32(mean + sigma*rng.NormFloat64())) }
	core := slices.Sorted(slices.Values(m.Core))
	sources := make([]results.Source, len(core))
	for i, id := range core {
		flux := math.Exp(rng.NormFloat64()) // uJy
		sources[i] = results.Source{
			TileID: m.TileID, Row: int32(m.Row), Col: int32(m.Col), ObjectID: id, RA: positions[id].RA, Dec: positions[id].Dec,
			Flux: new(float32(flux)), FluxErr: new(float32(0.05 * flux)),
			HLR: new(float32(0.3 * math.Exp(0.3*rng.NormFloat64()))), HLRErr: new(float32(0.02)),
			E1: normal(0, 0.2), E2: normal(0, 0.2), E1Err: new(float32(0.05)), E2Err: new(float32(0.05)),
			DX: normal(0, 0.01), DY: normal(0, 0.01), SNR: new(float32(20)), NExposures: int32(len(exposures)),
		}
	}
	noise := 0.2 / math.Sqrt(float64(len(core)))
	shear := results.Shear{
		TileID: m.TileID, Row: int32(m.Row), Col: int32(m.Col), RA: m.Centre[0], Dec: m.Centre[1],
		G1: normal(0, 0.02), G2: normal(0, 0.02), G1Err: new(float32(noise)), G2Err: new(float32(noise)),
		NSources: int32(len(core)), Method: string(settings.EngineMock), Convergence: new(float32(1)), Status: survey.StatusOK,
	}
	return write(out, shear, sources, summary{Engine: settings.EngineMock, ConfigID: j.ConfigID, Plan: m.Plan})
}

// positions are those of the core sources, from the sub-tile's catalogue.
func (j *Job) positions(ctx context.Context, m *manifest.Manifest) (map[int64]sky.Coord, error) {
	store := objstore.Open(ctx, objstore.Config{})
	path := filepath.Join(j.Dir, m.Catalog)
	info, err := store.Stat(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("read the sub-tile's catalogue: %w", err)
	}
	cat, err := euclid.OpenCatalog(ctx, store, euclid.File{URI: info.URI, Size: info.Size, ETag: info.ETag})
	if err != nil {
		return nil, err
	}
	at := make(map[int64]sky.Coord, len(m.Core))
	for _, id := range m.Core {
		at[id] = sky.Coord{RA: math.NaN()}
	}
	if err := cat.Rows(ctx, func(r euclid.Row) error {
		if _, ok := at[r.ID]; ok {
			at[r.ID] = sky.Normalize(r.Pos)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	for id, pos := range at {
		if math.IsNaN(pos.RA) {
			return nil, fault.Data(CodeIncomplete, "core source %d of the manifest is not in the catalogue", id).On(path).Fix("prepare the tile again")
		}
	}
	return at, nil
}

// writeEmpty writes the results of a sub-tile that has nothing to measure.
func (j *Job) writeEmpty(out string, m *manifest.Manifest, status, reason string) error {
	row := results.Shear{TileID: m.TileID, Row: int32(m.Row), Col: int32(m.Col), RA: m.Centre[0], Dec: m.Centre[1], Status: status}
	return write(out, row, nil, summary{Engine: j.Engine, ConfigID: j.ConfigID, Plan: m.Plan, Reason: reason})
}

func write(out string, shear results.Shear, sources []results.Source, s summary) error {
	s.TileID, s.Row, s.Col, s.Status, s.NSources = shear.TileID, shear.Row, shear.Col, shear.Status, len(sources)
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	var a, b bytes.Buffer
	if err := results.WriteShear(&a, []results.Shear{shear}); err != nil {
		return err
	}
	if err := results.WriteSources(&b, sources); err != nil {
		return err
	}
	for file, data := range map[string][]byte{survey.ShearFile: a.Bytes(), survey.SourcesFile: b.Bytes(), survey.SummaryFile: append(text, '\n')} {
		if err := os.WriteFile(filepath.Join(out, file), data, 0o666); err != nil {
			return err
		}
	}
	return nil
}
