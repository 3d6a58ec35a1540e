package extract

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/survey"
)

// remembered keeps values as a store would.
type remembered struct {
	mu     sync.Mutex
	values map[string][]byte
}

func (r *remembered) Load(_ context.Context, name string, into any) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	text, ok := r.values[name]
	if !ok {
		return false, nil
	}
	return true, json.Unmarshal(text, into)
}

func (r *remembered) Save(_ context.Context, name string, value any) (err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.values == nil {
		r.values = map[string][]byte{}
	}
	r.values[name], err = json.Marshal(value)
	return err
}

// stopping is a source of which one object can't be read, and that counts what
// is read of the pixels of the others.
type stopping struct {
	store
	mu    sync.Mutex
	uri   string
	bytes map[string]int64 // by URI
}

var errStopped = errors.New("stopped")

func (s *stopping) Get(ctx context.Context, uri, etag string, r objstore.Range) (io.ReadCloser, error) {
	if uri == s.uri {
		return nil, errStopped
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes[uri] += r.Length
	return s.store.Get(ctx, uri, etag, r)
}

// TestResume stops a job at each of its source files, one after the other, and
// does it again: what was copied is not read again, what changed since is.
func TestResume(t *testing.T) {
	v := usual(t, objstore.NewMemory(), "mem://b")
	want := v.job("mem://b/want")
	if _, err := Tile(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	kept := 0
	for i, e := range v.exposures {
		dir := objstore.Join(v.base, "resumed", e.Dither)
		job := v.job(dir)
		source := &stopping{store: v.store, uri: e.DET.URI, bytes: map[string]int64{}}
		progress := &remembered{}
		job.Source, job.Progress, job.Workers = source, progress, 1
		if _, err := Tile(t.Context(), job); !errors.Is(err, errStopped) {
			t.Fatalf("%v", err)
		}
		done := len(progress.values) // files that were copied whole: which they are is chance
		kept += done
		source.uri = ""
		first := source.bytes
		source.bytes = map[string]int64{}
		report, err := Tile(t.Context(), job)
		if err != nil {
			t.Fatal(err)
		}
		same(t, v.listing(want.Dir), v.listing(dir), survey.ProvenanceFile)
		if source.bytes[e.DET.URI] == 0 {
			t.Errorf("%s was not copied", e.DET.URI)
		}
		resumed := 0
		for uri, n := range first {
			if strings.Contains(uri, "VIS") && n > 0 && source.bytes[uri] == 0 {
				resumed++
			}
		}
		if resumed != done || report.ResumedBytes > 0 != (done > 0) {
			t.Errorf("stopped at exposure %d: of %d files that were copied, %d were not read again, %d bytes resumed", i, done, resumed, report.ResumedBytes)
		}

		// A product that is not what was left is made again, with its siblings.
		spoiled := objstore.Join(dir, "0_0", "exposures", e.ExposureID.String()+"_sci.fits")
		if _, err := objstore.WriteFile(t.Context(), v.store, spoiled, []byte("short")); err != nil {
			t.Fatal(err)
		}
		source.bytes = map[string]int64{}
		if _, err := Tile(t.Context(), job); err != nil {
			t.Fatal(err)
		}
		same(t, v.listing(want.Dir), v.listing(dir), survey.ProvenanceFile)
		for _, o := range v.exposures {
			if (source.bytes[o.DET.URI] > 0) != (o.ExposureID == e.ExposureID) {
				t.Errorf("a product of %s was spoiled: %d bytes of %s were read", e.DET.URI, source.bytes[o.DET.URI], o.DET.URI)
			}
		}
	}
	if kept == 0 {
		t.Error("no job had copied a file when it was stopped")
	}
}

// TestReopen: a directory that is made from something else is not complete while
// that lasts, and what was measured on it before goes. One that is made from the
// same again stays as it is.
func TestReopen(t *testing.T) {
	v := usual(t, objstore.NewMemory(), "mem://b")
	job := v.job("mem://b/again")
	job.Provenance.Plan = "a"
	if _, err := Tile(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	measured := []string{"0_0/results/shear.parquet", "0_0/results/sources.parquet", "0_0/results/summary.json", "0_0/failure.json"}
	for _, c := range []struct {
		name, plan string
		broken     bool // a source can't be read
		stays      bool // what was measured
		complete   bool
	}{
		{"the same again", "a", false, true, true},
		{"the same, and it breaks off", "a", true, true, true},
		{"something else", "b", false, false, true},
		{"something else, and it breaks off", "c", true, false, false},
	} {
		for _, file := range measured {
			if _, err := objstore.WriteFile(t.Context(), v.store, objstore.Join(job.Dir, file), []byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		next := job
		next.Provenance.Plan = c.plan
		if c.broken {
			next.Source = &stopping{store: v.store, uri: v.exposures[0].DET.URI, bytes: map[string]int64{}}
		}
		if _, err := Tile(t.Context(), next); errors.Is(err, errStopped) != c.broken {
			t.Fatalf("%s: %v", c.name, err)
		}
		for _, file := range append(measured, "0_0/"+survey.LocalManifestFile) {
			want := c.stays
			if strings.HasSuffix(file, survey.LocalManifestFile) {
				want = c.complete
			}
			if _, err := v.store.Stat(t.Context(), objstore.Join(job.Dir, file)); (err == nil) != want {
				t.Errorf("%s: %s: %v", c.name, file, err)
			}
		}
	}
}
