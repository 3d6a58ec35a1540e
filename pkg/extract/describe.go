package extract

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cosmostat/constellation/pkg/bounds"
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// reopen takes the mark of completeness off a directory that an earlier
// attempt made from other inputs: its files are about to be replaced one by
// one. With the same inputs they are replaced by their equals, and the mark stays.
// What was measured on other inputs goes, too.
func (job Job) reopen(ctx context.Context, d *directory) error {
	var earlier manifest.Provenance
	other := false // whether it was made from other inputs
	data, err := objstore.ReadFile(ctx, job.Dest, objstore.Join(d.uri, survey.ProvenanceFile))
	if err == nil && bounds.Unmarshal(data, &earlier) == nil {
		now := job.provenance(d)
		if now.ConfigID == earlier.ConfigID && now.Plan == earlier.Plan && maps.Equal(now.Versions, earlier.Versions) && slices.Equal(now.Inputs, earlier.Inputs) {
			return nil
		}
		other = now.Plan != earlier.Plan || !slices.Equal(now.Inputs, earlier.Inputs)
	}
	if err != nil && !objstore.IsNotFound(err) {
		return fmt.Errorf("look for an earlier attempt: %w", err)
	}
	if err := job.Dest.Delete(ctx, objstore.Join(d.uri, survey.LocalManifestFile)); err != nil {
		return fmt.Errorf("take the mark off an earlier attempt: %w", err)
	}
	if !other {
		return nil
	}
	for _, file := range []string{survey.ResultsURI(d.uri, survey.ShearFile), survey.ResultsURI(d.uri, survey.SourcesFile), survey.ResultsURI(d.uri, survey.SummaryFile), objstore.Join(d.uri, survey.FailureFile)} {
		if err := job.Dest.Delete(ctx, file); err != nil {
			return fmt.Errorf("remove what was measured on other inputs: %w", err)
		}
	}
	return nil
}

// describe writes the manifests and the provenance, the local manifest last.
func (job Job) describe(ctx context.Context, d *directory) error {
	original, local, err := job.manifests(d)
	if err != nil {
		return err
	}
	provenance, err := job.provenance(d).Encode()
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{survey.ManifestFile, original}, {survey.ProvenanceFile, provenance}, {survey.LocalManifestFile, local}} {
		if f.name == survey.LocalManifestFile { // the pixels of an earlier attempt are back
			if err := job.Dest.Delete(ctx, objstore.Join(d.uri, survey.DroppedFile)); err != nil {
				return fmt.Errorf("take the mark off dropped pixels: %w", err)
			}
		}
		if f.name == survey.LocalManifestFile {
			sum := sha256.Sum256(f.data)
			d.manifest = hex.EncodeToString(sum[:])
		}
		if _, err := objstore.WriteFile(ctx, job.Dest, objstore.Join(d.uri, f.name), f.data); err != nil {
			return fmt.Errorf("write %s of sub-tile %s: %w", f.name, d.sub.Name(), err)
		}
		d.files++
		d.bytes += int64(len(f.data))
	}
	for _, p := range d.all() {
		d.files++
		d.bytes += p.done.Size
	}
	return nil
}

// all are the products, the catalogue among them, by path.
func (d *directory) all() []*product {
	all := append(slices.Clone(d.products), d.catalog)
	slices.SortFunc(all, func(a, b *product) int { return strings.Compare(a.path, b.path) })
	return all
}

// manifests are the two descriptions of a sub-tile: by the original files and by its own.
func (job Job) manifests(d *directory) (original, local []byte, err error) {
	m := job.manifest(d)
	for _, u := range d.quadrants {
		m.Quadrants = append(m.Quadrants, u.describe(func(_ string, f euclid.File) string { return f.URI }))
	}
	m.Catalog, m.Catalogs = d.joined[0], d.joined
	if original, err = encode(m); err != nil {
		return nil, nil, err
	}
	m.Quadrants, m.Catalog, m.Catalogs = nil, survey.CatalogFile, nil
	for _, u := range d.quadrants {
		m.Quadrants = append(m.Quadrants, u.describe(func(product string, _ euclid.File) string {
			return survey.PlaneFile(u.Exposure, product)
		}))
	}
	for _, p := range d.all() {
		m.Files = append(m.Files, p.done)
	}
	local, err = encode(m)
	return original, local, err
}

// manifest is what both have in common.
func (job Job) manifest(d *directory) *manifest.Manifest {
	m := &manifest.Manifest{
		TileID: job.Tile.ID, Row: d.sub.Row, Col: d.sub.Col,
		Sources: d.sources, Core: d.core,
		FormatVersion: manifest.FormatVersion, ConfigID: job.ConfigID, Plan: job.Provenance.Plan,
	}
	plane := job.Tile.Plane()
	m.Bounds.CoreRA, m.Bounds.CoreDec = plane.Bounds(d.sub.Core)
	m.Bounds.ExtendedRA, m.Bounds.ExtendedDec = plane.Bounds(d.sub.Extended)
	corners := func(b sky.Box) (polygon [][2]float64) {
		for _, o := range b.Corners() {
			c := plane.Deproject(o)
			polygon = append(polygon, [2]float64{c.RA, c.Dec})
		}
		return polygon
	}
	centre := d.sub.Centre()
	m.Centre = [2]float64{centre.RA, centre.Dec}
	m.CorePolygon, m.ExtendedPolygon = corners(d.sub.Core), corners(d.sub.Extended)
	m.CoreCoverage, m.ExtendedCoverage = d.coverage, d.extended
	return m
}

// describe names a quadrant's files as path says.
func (u use) describe(path func(product string, f euclid.File) string) manifest.Quadrant {
	plane := func(part string) string { return path("sci", u.files.Plane(part)) }
	q := manifest.Quadrant{
		SCI: plane(euclid.PartSCI), RMS: plane(euclid.PartRMS), FLG: plane(euclid.PartFLG),
		BKG: path("bkg", u.files.BKG), PSF: path("psf", u.files.PSF),
		Quadrant: u.Name, Obs: u.Exposure.Obs, Dither: u.Exposure.Dither, CCD: u.Exposure.Number,
		ExpTime: u.ExpTime,
	}
	if u.files.WGT.Exists() && u.WGT.Length > 0 {
		q.WGT = path("wgt", u.files.WGT)
	}
	return q
}

func encode(m *manifest.Manifest) ([]byte, error) {
	var b bytes.Buffer
	err := manifest.Write(&b, m)
	return b.Bytes(), err
}

// provenance is the job's, with the files that the sub-tile was made from.
func (job Job) provenance(d *directory) manifest.Provenance {
	p := job.Provenance
	p.ConfigID = job.ConfigID
	p.Inputs = []manifest.Input{}
	for _, f := range d.inputs {
		if job.unpacked != nil {
			f = job.unpacked.Stored(f)
		}
		p.Inputs = append(p.Inputs, manifest.Input{URI: f.URI, ETag: f.ETag, Size: f.Size})
	}
	slices.SortFunc(p.Inputs, func(a, b manifest.Input) int { return strings.Compare(a.URI, b.URI) })
	return p
}
