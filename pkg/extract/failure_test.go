package extract

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/survey"
)

// cutting is a source whose bodies of one object end early, as if all were well.
type cutting struct {
	store
	uri   string
	after int64
}

func (c cutting) Get(ctx context.Context, uri, etag string, r objstore.Range) (io.ReadCloser, error) {
	body, err := c.store.Get(ctx, uri, etag, r)
	if err != nil || uri != c.uri || r.Length < 100_000 {
		return body, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(body, c.after), body}, nil
}

func TestBrokenSources(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(t *testing.T, v *fixture, j *Job)
		code  string
		want  []string // what the message has
	}{
		{"replaced since it was indexed", func(t *testing.T, v *fixture, j *Job) {
			v.write("VIS/002681/BKG_002681_01_1.fits", bytes.Repeat([]byte{'x'}, int(v.exposures[1].BKG.Size)))
		}, objstore.ObjectChanged, []string{"BKG of exposure 002681_01_1", "BKG_002681_01_1.fits", "index again"}},
		{"gone", func(t *testing.T, v *fixture, j *Job) {
			v.store.Delete(t.Context(), v.exposures[0].WGT.URI)
		}, objstore.NotFound, []string{"WGT of exposure 002681_00_1", "WGT_002681_00_1.fits"}},
		{"cut short in the store", func(t *testing.T, v *fixture, j *Job) {
			e := &j.Exposures[0]
			data := v.read(e.DET.URI)
			e.DET.ETag = v.write("VIS/002681/DET_002681_00_1.fits", data[:len(data)/2]).ETag
		}, objstore.Truncated, []string{"SCI of exposure 002681_00_1", "DET_002681_00_1.fits"}},
		{"a body that ends early", func(t *testing.T, v *fixture, j *Job) {
			j.Source = cutting{v.store, v.exposures[1].DET.URI, 50_000}
		}, "SourceTruncated", []string{"DET_002681_01_1.fits", "HDU 1-1.", "of 8640 bytes"}},
		{"segments beyond the end", func(t *testing.T, v *fixture, j *Job) {
			j.Quadrants[3].FLG.Offset += 1 << 40
		}, "IndexStale", []string{"DET_002681_00_1.fits", ".FLG"}},
		{"segments of another layout", func(t *testing.T, v *fixture, j *Job) {
			for i := range j.Quadrants {
				j.Quadrants[i].SCI.Offset += 2880
				j.Quadrants[i].SCI.Length -= 2880
			}
		}, "IndexStale", []string{"DET_002681_0", "no extension starts here", "footprints"}},
		{"segments of another quadrant", func(t *testing.T, v *fixture, j *Job) {
			a, b := &j.Quadrants[0], &j.Quadrants[1]
			a.SCI, b.SCI = b.SCI, a.SCI
		}, "IndexStale", []string{"DET_002681_00_1.fits", "HDU 1-1.F", "EXTNAME is \"1-1.E.SCI\""}},
		{"HDUs of another size", func(t *testing.T, v *fixture, j *Job) {
			for i := range j.Quadrants {
				j.Quadrants[i].SCI.Length -= 2880
			}
		}, "IndexStale", []string{"DET_002681_0", "it has 8640 bytes, not 5760"}},
		{"an HDU that the file doesn't have", func(t *testing.T, v *fixture, j *Job) {
			for i := range j.Quadrants {
				if q := &j.Quadrants[i]; q.Name == "1-1.F" {
					q.Name = "1-1.X"
				}
			}
		}, "MissingHDU", []string{"1-1.X", "read footprints again"}},
		{"overlapping segments", func(t *testing.T, v *fixture, j *Job) {
			j.Quadrants[0].BKG.Length += 2880
		}, "IndexStale", []string{"BKG_002681_00_1.fits", "overlap"}},
		{"exposures that disagree about their PSF file", func(t *testing.T, v *fixture, j *Job) {
			j.Quadrants[0].PSF.Length -= 2880
		}, "IndexStale", []string{"PSF.fits", "both said to start"}},
		{"an exposure that nobody indexed", func(t *testing.T, v *fixture, j *Job) {
			j.Exposures = j.Exposures[:1]
		}, "ExposureUnknown", []string{"002681_01_1"}},
		{"not FITS", func(t *testing.T, v *fixture, j *Job) {
			j.Exposures[0].BKG.ETag = v.write("VIS/002681/BKG_002681_00_1.fits", bytes.Repeat([]byte{'x'}, int(v.exposures[0].BKG.Size))).ETag
		}, "FITSNotFITS", []string{"BKG_002681_00_1.fits"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := usual(t, objstore.NewMemory(), "mem://bucket")
			v.write("out/earlier/0_0/"+survey.LocalManifestFile, []byte("of another run"))
			job := v.job(v.base + "/out/run")
			job.Exposures = append([]euclid.Exposure(nil), job.Exposures...)
			tt.spoil(t, v, &job)
			_, err := Tile(t.Context(), job)
			if err == nil {
				t.Fatal("no error")
			}
			if fault.CodeOf(err) != tt.code {
				t.Errorf("code %q, want %q", fault.CodeOf(err), tt.code)
			}
			for _, want := range append(tt.want, "prepare tile 102018211") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if n := strings.Count(err.Error(), "mem://"); n > 1 {
				t.Errorf("%d objects in %q", n, err)
			}
			for name, data := range v.listing(v.base + "/out") {
				if strings.HasSuffix(name, survey.LocalManifestFile) && string(data) != "of another run" {
					t.Errorf("%s marks a broken sub-tile as complete", name)
				}
			}
		})
	}
}

func TestOutputNotWritable(t *testing.T) {
	s := objstore.Open(t.Context(), objstore.Config{})
	v := usual(t, s, t.TempDir())
	blocked := filepath.Join(v.base, "blocked")
	if err := os.WriteFile(blocked, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Tile(t.Context(), v.job(filepath.Join(blocked, "run")))
	if fault.CodeOf(err) != objstore.NotWritable || !strings.Contains(err.Error(), blocked) {
		t.Errorf("got %v", err)
	}
}

// failing refuses to commit some object.
type failing struct {
	objstore.Store
	suffix string
}

func (f failing) Create(ctx context.Context, uri string) (objstore.Upload, error) {
	u, err := f.Store.Create(ctx, uri)
	if err != nil || !strings.HasSuffix(uri, f.suffix) {
		return u, err
	}
	return refusing{u, uri}, nil
}

type refusing struct {
	objstore.Upload
	uri string
}

func (r refusing) Commit() (objstore.Info, error) {
	return objstore.Info{}, fault.Passing(objstore.Throttled, "slow down").On(r.uri)
}

// A re-run from the same inputs leaves the mark of completeness; one from other
// inputs takes it off before it replaces anything.
func TestMarkOfCompleteness(t *testing.T) {
	complete := func(v *fixture) (n int) {
		for name := range v.listing(v.base + "/out") {
			if strings.HasSuffix(name, survey.LocalManifestFile) {
				n++
			}
		}
		return n
	}
	for _, product := range []string{"0_1/exposures/002681_00_1_sci.fits", "1_1/psf/002681_01_1_psf.fits", "0_0/catalog.fits"} {
		for _, changed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s changed %v", filepath.Base(product), changed), func(t *testing.T) {
				v := usual(t, objstore.NewMemory(), "mem://bucket")
				job := v.job(v.base + "/out")
				if _, err := Tile(t.Context(), job); err != nil {
					t.Fatal(err)
				}
				job.Provenance.Attempt++
				want := 4
				if changed {
					job.ConfigID, want = "config-2", 0
				}
				job.Dest = failing{v.store, product}
				_, err := Tile(t.Context(), job)
				if fault.KindOf(err) != fault.Transient || !strings.Contains(err.Error(), product) {
					t.Errorf("got %v", err)
				}
				if n := complete(v); n != want {
					t.Errorf("%d sub-tiles are marked complete, want %d", n, want)
				}
				job.Dest = v.store
				if _, err := Tile(t.Context(), job); err != nil || complete(v) != 4 {
					t.Errorf("afterwards: %d complete, %v", complete(v), err)
				}
			})
		}
	}
}

// When the local manifest can't be written, everything else is there and no mark.
func TestMarkComesLast(t *testing.T) {
	v := usual(t, objstore.NewMemory(), "mem://bucket")
	job := v.job(v.base + "/out")
	job.Dest = failing{v.store, "0_0/" + survey.ProvenanceFile}
	if _, err := Tile(t.Context(), job); err == nil {
		t.Fatal("no error")
	}
	if _, ok := v.listing(v.base + "/out")["0_0/"+survey.LocalManifestFile]; ok {
		t.Error("marked complete without provenance")
	}
}
