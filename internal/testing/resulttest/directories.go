package resulttest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

const (
	dithers   = 4
	quadrants = 15 // of an exposure that lie under a sub-tile
)

// Left is what stages leave of a survey, as assembly takes it.
type Left struct {
	Prepared []string   // URIs of documents, one per tile
	Outcomes [][]string // and of those of its sub-tiles
	Files    int        // of results
	Bytes    int64
}

// Directories writes the directories of the survey's sub-tiles below a run, but for
// what no assembly reads: the pixels and the catalogue. The stages' documents go to
// another directory.
func (s Survey) Directories(ctx context.Context, store objstore.Store, runURI, documents string) (*Left, error) {
	left := &Left{Prepared: make([]string, s.Tiles), Outcomes: make([][]string, s.Tiles)}
	sizes := make([]int64, s.Tiles)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for i := range s.Tiles {
		g.Go(func() (err error) {
			left.Prepared[i], left.Outcomes[i], sizes[i], err = s.tile(ctx, store, i, runURI, objstore.Join(documents, strconv.Itoa(i)))
			return err
		})
	}
	err := g.Wait()
	left.Files = 2 * s.SubTiles()
	for _, n := range sizes {
		left.Bytes += n
	}
	return left, err
}

func (s Survey) tile(ctx context.Context, store objstore.Store, i int, runURI, documents string) (prepared string, outcomes []string, size int64, err error) {
	t, rows := s.Tile(i), []results.Source(nil)
	p := &survey.Prepared{Plan: s.plan(i), TileReport: survey.TileReport{TileID: t.ID}}
	for k, sub := range s.Grid.SubTiles(t) {
		m, text, err := s.manifest(sub, p.Plan)
		if err != nil {
			return "", nil, 0, err
		}
		o := survey.Outcome{SubTileID: sub.ID(), Status: survey.StatusOK, Directory: survey.SubTileURI(runURI, sub.ID()), Plan: p.Plan, ConfigID: s.ConfigID}
		rows = rows[:0]
		var shear results.Shear
		shear, rows = s.Rows(sub, rows)
		w := writer{ctx, store, nil}
		o.Shear = w.file(survey.ResultsURI(o.Directory, survey.ShearFile), func(b *bytes.Buffer) error { return results.WriteShear(b, []results.Shear{shear}) })
		o.Sources = w.file(survey.ResultsURI(o.Directory, survey.SourcesFile), func(b *bytes.Buffer) error { return results.WriteSources(b, rows) })
		w.save(survey.ResultsURI(o.Directory, survey.SummaryFile), survey.Summary{ConfigID: s.ConfigID, Plan: p.Plan})
		w.save(objstore.Join(o.Directory, survey.ProvenanceFile), manifest.Provenance{ConfigID: s.ConfigID, Plan: p.Plan})
		local := w.file(objstore.Join(o.Directory, survey.LocalManifestFile), func(b *bytes.Buffer) error { _, err := b.Write(text); return err })
		document := objstore.Join(documents, fmt.Sprintf("outcome-%d.json", k))
		w.save(document, o)
		if w.err != nil {
			return "", nil, 0, w.err
		}
		p.SubTiles = append(p.SubTiles, survey.SubTile{Cell: sub.Cell, RA: m.Centre[0], Dec: m.Centre[1], Directory: o.Directory, Manifest: local.SHA256, Status: survey.StatusOK,
			Quadrants: len(m.Quadrants), Exposures: dithers, Deepest: quadrants, Sources: len(m.Sources), CoreSources: len(m.Core)})
		outcomes, size = append(outcomes, document), size+o.Shear.Size+o.Sources.Size
	}
	prepared = objstore.Join(documents, "prepared.json")
	return prepared, outcomes, size, survey.Save(ctx, store, prepared, p)
}

// manifest is a sub-tile's local one.
func (s Survey) manifest(sub sky.SubTile, plan string) (*manifest.Manifest, []byte, error) {
	plane, at := sub.Tile.Plane(), sub.Centre()
	core, _ := s.Core(sub)
	m := &manifest.Manifest{TileID: sub.Tile.ID, Row: sub.Row, Col: sub.Col, Catalog: survey.CatalogFile, Core: core,
		FormatVersion: manifest.FormatVersion, ConfigID: s.ConfigID, Plan: plan, Centre: [2]float64{at.RA, at.Dec}}
	m.Sources = append(m.Sources, core...)
	wide, narrow := sub.Extended.XiMax-sub.Extended.XiMin, sub.Core.XiMax-sub.Core.XiMin
	for i := range int(float64(len(core)) * (wide*wide/(narrow*narrow) - 1)) {
		m.Sources = append(m.Sources, 1+sub.Tile.ID*10_000_000+int64(i)*7)
	}
	m.Bounds.CoreRA, m.Bounds.CoreDec = plane.Bounds(sub.Core)
	m.Bounds.ExtendedRA, m.Bounds.ExtendedDec = plane.Bounds(sub.Extended)
	m.CorePolygon, m.ExtendedPolygon = corners(plane, sub.Core), corners(plane, sub.Extended)
	for i := range dithers {
		id := euclid.ExposureID{Obs: "002704", Dither: fmt.Sprintf("%02d", i), Number: "1"}
		files := map[string]string{}
		for _, plane := range []string{survey.PlaneSCI, survey.PlaneBKG, survey.PlaneWGT, survey.PlanePSF} {
			files[plane] = survey.PlaneFile(id, plane)
			m.Files = append(m.Files, manifest.Product{Path: files[plane], Size: 1 << 28, SHA256: fmt.Sprintf("%064x", i)})
		}
		for q := range quadrants {
			sci := files[survey.PlaneSCI]
			m.Quadrants = append(m.Quadrants, manifest.Quadrant{SCI: sci, RMS: sci, FLG: sci, BKG: files[survey.PlaneBKG], WGT: files[survey.PlaneWGT], PSF: files[survey.PlanePSF],
				Quadrant: fmt.Sprintf("%d-%d.%c", 1+q/4/6, 1+q/4%6, 'E'+q%4), Obs: id.Obs, Dither: id.Dither, CCD: id.Number, ExpTime: 566})
		}
	}
	var b bytes.Buffer
	err := manifest.Write(&b, m)
	return m, b.Bytes(), err
}

func corners(plane sky.Tangent, b sky.Box) (polygon [][2]float64) {
	for _, o := range b.Corners() {
		c := plane.Deproject(o)
		polygon = append(polygon, [2]float64{c.RA, c.Dec})
	}
	return polygon
}

// writer writes files until one fails.
type writer struct {
	ctx   context.Context
	store objstore.Store
	err   error
}

func (w *writer) file(uri string, write func(*bytes.Buffer) error) survey.File {
	var b bytes.Buffer
	if w.err == nil {
		w.err = write(&b)
	}
	if w.err == nil {
		_, w.err = objstore.WriteFile(w.ctx, w.store, uri, b.Bytes())
	}
	sum := sha256.Sum256(b.Bytes())
	return survey.File{URI: uri, Size: int64(b.Len()), SHA256: hex.EncodeToString(sum[:])}
}

func (w *writer) save(uri string, document any) {
	if w.err == nil {
		w.err = survey.Save(w.ctx, w.store, uri, document)
	}
}
