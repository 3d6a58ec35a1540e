package shine_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/shine"
	"github.com/cosmostat/constellation/pkg/survey"
)

// watched is a store that counts downloads and fails uploads on demand.
type watched struct {
	objstore.Store
	got  atomic.Int64
	fail func(uri string) bool
}

func (w *watched) Get(ctx context.Context, uri, etag string, r objstore.Range) (io.ReadCloser, error) {
	w.got.Add(1)
	return w.Store.Get(ctx, uri, etag, r)
}

var errGone = errors.New("the machine is gone")

func (w *watched) Create(ctx context.Context, uri string) (objstore.Upload, error) {
	if w.fail != nil && w.fail(uri) {
		return nil, errGone
	}
	return w.Store.Create(ctx, uri)
}

// bucket is a sub-tile's directory on a server, and the store that reaches it.
func bucket(t *testing.T) (w *watched, uri, remote string) {
	server := s3test.Start(t)
	server.Setenv(t)
	server.Bucket(t, "survey")
	remote = filepath.Join(server.Dir, "survey/run/102018211/2_1")
	if err := os.CopyFS(remote, os.DirFS(prepare(t, nil))); err != nil {
		t.Fatal(err)
	}
	return &watched{Store: objstore.Open(t.Context(), objstore.Config{})}, "s3://survey/run/102018211/2_1", remote
}

func TestTransfer(t *testing.T) {
	ctx := t.Context()
	store, uri, remote := bucket(t)
	if err := shine.Fetch(ctx, store, uri+"x", t.TempDir()); fault.CodeOf(err) != shine.CodeIncomplete {
		t.Errorf("nothing there: %v", err)
	}
	dir := filepath.Join(t.TempDir(), "sub", "tile")
	if err := shine.Fetch(ctx, store, uri, dir); err != nil {
		t.Fatal(err)
	}
	j := mock(dir)
	j.URI = uri
	found, err := shine.Run(ctx, j)
	if err != nil {
		t.Fatal(err)
	}
	if err := shine.Publish(ctx, store, dir, uri); err != nil {
		t.Fatal(err)
	}
	if _, err := results.LoadShear(ctx, store, found.Outcome.Shear); err != nil {
		t.Error(err)
	}
	if _, err := results.LoadSources(ctx, store, found.Outcome.Sources); err != nil {
		t.Error(err)
	}
	// Again: only what is missing or not what the manifest lists moves, and not the results.
	os.RemoveAll(filepath.Join(dir, survey.ResultsDir))
	for what, c := range map[string]struct {
		change func()
		moved  int64 // and the manifest
	}{
		"nothing changed":         {func() {}, 0},
		"one is missing":          {func() { os.Remove(filepath.Join(dir, "exposures/a.fits")) }, 1},
		"one of the same size":    {func() { os.WriteFile(filepath.Join(dir, "psf/a.fits"), []byte("PSF"), 0o644) }, 1},
		"one was cut off":         {func() { os.Truncate(filepath.Join(dir, "psf/a.fits"), 1) }, 1},
		"an attempt was cut off":  {func() { os.Remove(filepath.Join(dir, survey.LocalManifestFile)) }, 0},
		"all of them are missing": {func() { os.RemoveAll(dir) }, 3},
	} {
		c.change()
		store.got.Store(0)
		if err := shine.Fetch(ctx, store, uri, dir); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if n := store.got.Load(); n != 1+c.moved {
			t.Errorf("%s: %d objects moved, want the manifest and %d", what, n, c.moved)
		}
		for file, want := range map[string]string{"exposures/a.fits": "pixels", "psf/a.fits": "psf"} {
			if got, err := os.ReadFile(filepath.Join(dir, file)); string(got) != want {
				t.Errorf("%s: %s holds %q, want %q (%v)", what, file, got, want, err)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(dir, survey.ResultsDir)); err == nil {
		t.Error("fetching brought earlier results")
	}
	// What the store holds is not what was prepared.
	os.WriteFile(filepath.Join(remote, "psf/a.fits"), []byte("PSF"), 0o644)
	os.Remove(filepath.Join(dir, "psf/a.fits"))
	if err := shine.Fetch(ctx, store, uri, dir); fault.CodeOf(err) != shine.CodeIncomplete || !strings.Contains(err.Error(), uri+"/psf/a.fits") {
		t.Errorf("another content: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, survey.LocalManifestFile)); err == nil {
		t.Error("a directory that is not whole says that it is")
	}
}

// TestPublishIsWhole kills the upload at each file: whoever looks finds the
// earlier results, the new ones, or none; never some of both.
func TestPublishIsWhole(t *testing.T) {
	ctx := t.Context()
	store, uri, remote := bucket(t)
	left := func() map[string]bool {
		names := map[string]bool{}
		store.List(ctx, uri+"/results/", func(o objstore.Info) error {
			names[strings.TrimPrefix(o.URI, uri+"/results/")] = true
			return nil
		})
		return names
	}
	publish := func(configID string) error {
		dir := t.TempDir()
		if err := shine.Fetch(ctx, store, uri, dir); err != nil {
			t.Fatal(err)
		}
		j := mock(dir)
		j.ConfigID = configID
		if _, err := shine.Run(ctx, j); err != nil {
			t.Fatal(err)
		}
		return shine.Publish(ctx, store, dir, uri)
	}
	if err := publish("first"); err != nil {
		t.Fatal(err)
	}
	os.MkdirAll(filepath.Join(remote, "results/diagnostics"), 0o755)
	os.WriteFile(filepath.Join(remote, "results/diagnostics/old.png"), []byte("old"), 0o644)
	for _, at := range []string{survey.SourcesFile, survey.SummaryFile, survey.ShearFile} {
		store.fail = func(u string) bool { return strings.HasSuffix(u, at) }
		if err := publish("second"); !errors.Is(err, errGone) {
			t.Fatalf("%s: %v", at, err)
		}
		if left()[survey.ShearFile] {
			t.Errorf("the upload died at %s, and the results still look complete", at)
		}
	}
	store.fail = nil
	if err := publish("second"); err != nil {
		t.Fatal(err)
	}
	if got := left(); !got[survey.ShearFile] || got["diagnostics/old.png"] || len(got) != 3 {
		t.Errorf("in the end: %v", got)
	}
	summary, err := os.ReadFile(filepath.Join(remote, "results", survey.SummaryFile))
	if err != nil || !strings.Contains(string(summary), "second") {
		t.Errorf("%s %v", summary, err)
	}
}

// TestSubTile fetches, infers and publishes; what an attempt fetched that
// failed is there for the next one on the node, and gone after a success.
func TestSubTile(t *testing.T) {
	ctx := t.Context()
	store, uri, _ := bucket(t)
	cache := t.TempDir()
	attempt := func(how string) (shine.Found, error) {
		j := job(t, "", how)
		j.NodeCache = cache
		store.got.Store(0)
		return shine.SubTile(ctx, store, uri, j)
	}
	if _, err := attempt("exit 75"); fault.CodeOf(err) != shine.CodeMemory || store.got.Load() != 4 {
		t.Fatalf("%v, %d objects", err, store.got.Load())
	}
	found, err := attempt("good")
	if err != nil || found.Outcome.Status != survey.StatusOK || found.Outcome.Directory != uri || store.got.Load() != 1 {
		t.Fatalf("%+v, %v, %d objects", found.Outcome, err, store.got.Load())
	}
	if _, err := results.LoadShear(ctx, store, found.Outcome.Shear); err != nil {
		t.Error(err)
	}
	if dirs, _ := filepath.Glob(filepath.Join(cache, "subtiles", "*", "*")); len(dirs) > 0 {
		t.Errorf("left in the node's cache: %v", dirs)
	}
	// Data that can't be used is an outcome.
	if found, err = attempt("nothing"); err != nil || found.Outcome.Status != survey.StatusFailed || found.Outcome.TileID != 102018211 || found.Outcome.Row != 2 {
		t.Errorf("%+v, %v", found.Outcome, err)
	}
}

// TestResultsElsewhere leaves a prepared directory, and what an earlier run
// measured in it, as they are.
func TestResultsElsewhere(t *testing.T) {
	store := objstore.Open(t.Context(), objstore.Config{})
	dir, to := prepare(t, nil), filepath.Join(t.TempDir(), "run", "2_1")
	if _, err := shine.Run(t.Context(), mock(dir)); err != nil {
		t.Fatal(err)
	}
	before := contents(t, dir)
	j := job(t, "", "good")
	j.Results = to
	found, err := shine.SubTile(t.Context(), store, dir, j)
	if err != nil || found.Outcome.Directory != dir || found.Outcome.Shear.URI != filepath.Join(to, "results", survey.ShearFile) {
		t.Fatalf("%+v, %v", found.Outcome, err)
	}
	if got := contents(t, to); got[survey.SummaryFile] == "" || got["inference.yaml"] == "" || len(got) != 4 {
		t.Errorf("%v", got)
	}
	if after := contents(t, dir); len(after) != len(before) || after[survey.ShearFile] != before[survey.ShearFile] {
		t.Error("the prepared directory's own results changed")
	}
}
