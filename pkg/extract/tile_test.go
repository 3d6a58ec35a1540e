package extract

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// onEveryStore runs a test in memory, on disk, and against a real S3 server.
func onEveryStore(t *testing.T, test func(t *testing.T, s store, base string)) {
	t.Run("memory", func(t *testing.T) { test(t, objstore.NewMemory(), "mem://bucket") })
	t.Run("file", func(t *testing.T) {
		test(t, objstore.Open(t.Context(), objstore.Config{}), t.TempDir())
	})
	t.Run("s3", func(t *testing.T) {
		server := s3test.Start(t)
		server.Setenv(t)
		server.Bucket(t, "survey")
		test(t, objstore.Open(t.Context(), objstore.Config{}), "s3://survey")
	})
}

func TestTile(t *testing.T) {
	onEveryStore(t, func(t *testing.T, s store, base string) {
		v := usual(t, s, base)
		dir := objstore.Join(base, "out/run/102018211")
		job := v.job(dir)
		before := s.Usage()
		report, err := Tile(t.Context(), job)
		if err != nil {
			t.Fatal(err)
		}
		read := s.Usage().Sub(before).BytesRead

		if report.PayloadBytes != report.ReferencedBytes || report.PayloadBytes == 0 {
			t.Errorf("%d bytes of HDUs read, %d referenced", report.PayloadBytes, report.ReferencedBytes)
		}
		// Catalogues are read whole, header windows included; a listing or a refusal takes a little, and so does what follows the rows of each.
		if most := report.PayloadBytes + report.HeaderBytes + report.CatalogBytes; read > most+20000+2*fits.Block {
			t.Errorf("the store says %d bytes were read, the report %d", read, most)
		}
		files := v.listing(dir)
		if len(report.SubTiles) != 4 {
			t.Fatalf("%d sub-tiles", len(report.SubTiles))
		}
		total := 0
		for i, sub := range report.SubTiles {
			if sub.Status != survey.StatusOK || sub.Exposures != 2 || sub.Quadrants < 8 {
				t.Errorf("%+v", sub)
			}
			name := job.SubTiles[i].Name()
			checkSubTile(t, v, job, i, files)
			for f := range files {
				if strings.HasPrefix(f, name+"/") {
					total++
				}
			}
			if want := 2*4 + 4; sub.Files != want {
				t.Errorf("%s: %d files reported, want %d", name, sub.Files, want)
			}
		}
		if total != len(files) || total != 4*12 {
			t.Errorf("%d files, %d in sub-tiles", len(files), total)
		}
	})
}

// checkSubTile compares a sub-tile's directory with the sources, HDU by HDU.
func checkSubTile(t *testing.T, v *fixture, job Job, i int, files map[string][]byte) {
	t.Helper()
	sub := job.SubTiles[i]
	file := func(p string) []byte {
		data, ok := files[path.Join(sub.Name(), p)]
		if !ok {
			t.Fatalf("%s: no %s", sub.Name(), p)
		}
		return data
	}
	local, err := manifest.Read(bytes.NewReader(file(survey.LocalManifestFile)))
	if err != nil {
		t.Fatal(err)
	}
	original, err := manifest.Read(bytes.NewReader(file(survey.ManifestFile)))
	if err != nil {
		t.Fatal(err)
	}
	wanted := map[string][]string{} // product to the HDUs that it should have
	var quadrants int
	for _, q := range job.Quadrants {
		if !sub.Overlaps(q.Outline) {
			continue
		}
		quadrants++
		for _, p := range []struct{ product, suffix string }{
			{"sci", ".SCI"}, {"sci", ".RMS"}, {"sci", ".FLG"}, {"bkg", ""}, {"wgt", ""}, {"psf", ""},
		} {
			at := survey.PlaneFile(q.Exposure, p.product)
			wanted[at] = append(wanted[at], q.Name+p.suffix)
		}
	}
	if len(local.Quadrants) != quadrants || len(original.Quadrants) != quadrants {
		t.Errorf("%s: %d and %d quadrants in the manifests, want %d", sub.Name(), len(local.Quadrants), len(original.Quadrants), quadrants)
	}
	parsed := map[string]map[string][]byte{}
	hdusOf := func(name string, read func(string) []byte) map[string][]byte {
		if parsed[name] == nil {
			parsed[name] = hdus(t, read(name))
		}
		return parsed[name]
	}
	for j, q := range local.Quadrants {
		o := original.Quadrants[j]
		if q.RMS != q.SCI || q.FLG != q.SCI || q.Quadrant != o.Quadrant || q.Obs != o.Obs || q.Dither != o.Dither || q.ExpTime != 560.52 {
			t.Errorf("%s: quadrant %+v, originally %+v", sub.Name(), q, o)
		}
		for _, p := range []struct{ copied, source string }{{q.SCI, o.SCI}, {q.BKG, o.BKG}, {q.WGT, o.WGT}, {q.PSF, o.PSF}} {
			got, want := hdusOf(p.copied, file), hdusOf(p.source, v.read)
			if !bytes.Equal(got[""], want[""]) {
				t.Errorf("%s: %s has another primary HDU than %s", sub.Name(), p.copied, p.source)
			}
			if len(got) != len(wanted[p.copied])+1 {
				t.Errorf("%s: %s has %d HDUs, want %d", sub.Name(), p.copied, len(got)-1, len(wanted[p.copied]))
			}
			for _, name := range wanted[p.copied] {
				if !bytes.Equal(got[name], want[name]) {
					t.Errorf("%s: %s of %s differs from %s", sub.Name(), name, p.copied, p.source)
				}
			}
		}
	}
	for _, f := range local.Files {
		sum := sha256.Sum256(file(f.Path))
		summed := f.SHA256 == hex.EncodeToString(sum[:]) && job.Copy != settings.CopyServer || f.CRC64NVME == nvmeOf(file(f.Path)) && job.Copy == settings.CopyServer
		if f.Size != int64(len(file(f.Path))) || !summed {
			t.Errorf("%s: %+v does not describe the file", sub.Name(), f)
		}
	}
	if len(local.Files) != len(wanted)+1 {
		t.Errorf("%s: %d files described, want %d", sub.Name(), len(local.Files), len(wanted)+1)
	}
	if local.Catalog != survey.CatalogFile || original.Catalog != v.catalogs[0].URI {
		t.Errorf("catalogues %q %q", local.Catalog, original.Catalog)
	}
	local.Quadrants, local.Catalog, local.Files = original.Quadrants, original.Catalog, nil
	local.Catalogs = original.Catalogs
	if d := cmp.Diff(original, local); d != "" {
		t.Errorf("the manifests differ:\n%s", d)
	}
}

func TestHDUsStayInSourceOrder(t *testing.T) {
	v := usual(t, objstore.NewMemory(), "mem://bucket")
	dir := v.base + "/out"
	job := v.job(dir)
	slices.Reverse(job.Quadrants)
	slices.Reverse(job.Exposures)
	if _, err := Tile(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	for name, data := range v.listing(dir) {
		if !strings.HasSuffix(name, "_sci.fits") {
			continue
		}
		wanted := hdus(t, data)
		var want []string
		for _, name := range names(t, v.read(v.exposures[0].DET.URI)) {
			if _, ok := wanted[name]; ok {
				want = append(want, name)
			}
		}
		if got := names(t, data); !slices.Equal(got, want) {
			t.Errorf("%s: order %v, want %v", name, got, want)
		}
	}
}

func TestRunsOfNeighboursAreOneRequest(t *testing.T) {
	v := newSurvey(t, objstore.NewMemory(), "mem://bucket")
	v.expose("002681", "00", sky.Offset{})
	v.catalogs = append(v.catalogs, v.catalog("own.fits", 1, nil))
	job := v.job(v.base + "/out")
	p, err := job.plan()
	if err != nil {
		t.Fatal(err)
	}
	for _, tr := range p.transfers {
		n := 0
		for run := range runs(tr.pieces) {
			n++
			for i := range run[1:] {
				if run[i].Offset+run[i].Length != run[i+1].Offset {
					t.Errorf("%s: a gap in a run", tr.purpose)
				}
			}
		}
		if n != 1 { // all 16 quadrants lie under the tile's extended area
			t.Errorf("%s: %d requests for %d neighbouring HDUs", tr.purpose, n, len(tr.pieces))
		}
	}
}

func TestSameInputsSameBytes(t *testing.T) {
	v := usual(t, objstore.NewMemory(), "mem://bucket")
	job := v.job(v.base + "/a")
	first, err := Tile(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	a := v.listing(v.base + "/a")

	job.Provenance.Attempt, job.Provenance.Execution = 2, "e2"
	job.Workers = 1
	slices.Reverse(job.Quadrants)
	slices.Reverse(job.Neighbours)
	if _, err := Tile(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	same(t, a, v.listing(v.base+"/a"), survey.ProvenanceFile)

	job.Dir = v.base + "/b"
	second, err := Tile(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	same(t, a, v.listing(v.base+"/b"), survey.ProvenanceFile)
	for i := range second.SubTiles {
		second.SubTiles[i].Directory = first.SubTiles[i].Directory
	}
	if d := cmp.Diff(first, second); d != "" {
		t.Error(d)
	}
	if _, err := json.Marshal(first); err != nil {
		t.Error(err)
	}
}

func TestExposuresWithoutAllFiles(t *testing.T) {
	v := newSurvey(t, objstore.NewMemory(), "mem://bucket")
	for _, obs := range []string{"000001", "000002", "000003", "000004"} {
		e := v.expose(obs, "00", sky.Offset{})
		switch obs {
		case "000002":
			e.BKG = euclid.File{}
		case "000003":
			e.PSF = euclid.File{}
		case "000004":
			e.WGT = euclid.File{}
		}
	}
	v.catalogs = append(v.catalogs, v.catalog("own.fits", 1, v.scatter(-4, 4, 50)))
	job := v.job(v.base + "/out")
	for i := range job.Quadrants {
		if q := &job.Quadrants[i]; q.Exposure.Obs == "000001" && q.Name == "1-1.H" {
			q.PSF = euclid.Segment{}
		}
	}
	report, err := Tile(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	id := func(obs string) euclid.ExposureID { return euclid.ExposureID{Obs: obs, Dither: "00", Number: "1"} }
	want := []survey.LeftOut{
		{Exposure: id("000001"), Quadrant: "1-1.H", Reason: "its PSF file lacks it"},
		{Exposure: id("000002"), Quadrant: "", Reason: "no BKG file"},
		{Exposure: id("000003"), Quadrant: "", Reason: "no PSF file"},
	}
	if d := cmp.Diff(want, report.LeftOut); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]euclid.ExposureID{id("000004")}, report.WithoutWGT); d != "" {
		t.Error(d)
	}
	m, err := manifest.Read(bytes.NewReader(v.read(v.base + "/out/0_0/" + survey.LocalManifestFile)))
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range m.Quadrants {
		if (q.Obs == "000004") != (q.WGT == "") {
			t.Errorf("wgt_path %q of observation %s", q.WGT, q.Obs)
		}
		if q.Obs != "000001" && q.Obs != "000004" || q.Obs == "000001" && q.Quadrant == "1-1.H" {
			t.Errorf("quadrant %s of %s was not left out", q.Quadrant, q.Obs)
		}
	}
	if report.SubTiles[0].Exposures != 2 || report.PayloadBytes != report.ReferencedBytes {
		t.Errorf("%+v", report)
	}
}

func TestEmptySubTilesHaveManifests(t *testing.T) {
	v := newSurvey(t, objstore.NewMemory(), "mem://bucket")
	v.catalogs = append(v.catalogs, v.catalog("own.fits", 1, v.scatter(-4, -1, 30)))
	dir := v.base + "/out"
	report, err := Tile(t.Context(), v.job(dir))
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range report.SubTiles {
		if s.Status != survey.StatusNoExposures || s.Files != 4 {
			t.Errorf("%d: %+v", i, s)
		}
		m, err := manifest.Read(bytes.NewReader(v.read(s.Directory + "/" + survey.LocalManifestFile)))
		if err != nil || len(m.Quadrants) != 0 || len(m.Files) != 1 {
			t.Errorf("%d: %v %+v", i, err, m)
		}
	}

	v.expose("002681", "00", sky.Offset{})
	if report, err = Tile(t.Context(), v.job(dir)); err != nil {
		t.Fatal(err)
	}
	if s := report.SubTiles[0]; s.Status != survey.StatusOK {
		t.Errorf("%+v", s)
	}
	if s := report.SubTiles[1]; s.Status != survey.StatusNoSources || s.CoreSources != 0 {
		t.Errorf("%+v", s)
	}
}

func TestStopLeavesNoManifest(t *testing.T) {
	v := usual(t, objstore.NewMemory(), "mem://bucket")
	job := v.job(v.base + "/out")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Tile(ctx, job); err == nil {
		t.Fatal("no error")
	}
	if files := v.listing(v.base + "/out"); len(files) != 0 {
		t.Errorf("%d files", len(files))
	}
}
