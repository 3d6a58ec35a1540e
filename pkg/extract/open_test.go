package extract

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/await"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
)

// watched says how much of one source was read when a product was opened, and
// has the rest of it wait until a product is committed.
type watched struct {
	store
	source string
	read   atomic.Int64
	begun  string // suffix of a product, and
	when   atomic.Int64
	pause  int64  // after so many bytes, reads wait for
	ended  string // this product
	commit chan struct{}
	t      *testing.T
}

func (w *watched) Get(ctx context.Context, uri, etag string, r objstore.Range) (io.ReadCloser, error) {
	body, err := w.store.Get(ctx, uri, etag, r)
	if err != nil || uri != w.source {
		return body, err
	}
	return watchedBody{body, w}, nil
}

type watchedBody struct {
	io.ReadCloser
	*watched
}

func (b watchedBody) Read(p []byte) (int, error) {
	if b.read.Load() > b.pause {
		await.Value(b.t, b.ended+" is committed while the rest is copied", b.commit)
	}
	n, err := b.ReadCloser.Read(p)
	b.read.Add(int64(n))
	return n, err
}

func (w *watched) Create(ctx context.Context, uri string) (objstore.Upload, error) {
	u, err := w.store.Create(ctx, uri)
	if strings.HasSuffix(uri, w.begun) {
		w.when.Store(w.read.Load())
	}
	if strings.HasSuffix(uri, w.ended) {
		return watchedUpload{u, w.commit}, err
	}
	return u, err
}

type watchedUpload struct {
	objstore.Upload
	done chan struct{}
}

func (u watchedUpload) Commit() (objstore.Info, error) {
	defer close(u.done)
	return u.Upload.Commit()
}

// Open products hold memory: sub-tiles at the far side of the focal plane are
// opened when the file gets there, and those at the near side are done by then.
func TestProductsAreOpenWhileTheyGrow(t *testing.T) {
	v := newSurvey(t, objstore.NewMemory(), "mem://bucket")
	v.grid = sky.Grid{Shape: settings.Shape{Rows: 4, Cols: 4}, MarginArcmin: 0.1, TileArcmin: 8, CoreArcmin: 7.5}
	e := v.expose("002681", "00", sky.Offset{})
	v.catalogs = append(v.catalogs, v.catalog("own.fits", 1, nil))
	job := v.job(v.base + "/out")
	w := &watched{
		store: v.store, source: e.DET.URI, pause: e.DET.Size * 3 / 4, commit: make(chan struct{}), t: t,
		begun: "/3_0/exposures/002681_00_1_sci.fits", ended: "/0_0/exposures/002681_00_1_sci.fits",
	}
	job.Source, job.Dest = w, w
	if _, err := Tile(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	if at := w.when.Load(); at < e.DET.Size/3 {
		t.Errorf("the northern sub-tile was opened after %d of %d bytes", at, e.DET.Size)
	}
}

// A product that can't be committed ends the copying, and is the error.
func TestCommitThatFails(t *testing.T) {
	v := usual(t, objstore.NewMemory(), "mem://bucket")
	job := v.job(v.base + "/out")
	job.Dest = unfinished{v.store}
	_, err := Tile(t.Context(), job)
	if err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("got %v", err)
	}
}

type unfinished struct{ store }

func (r unfinished) Create(ctx context.Context, uri string) (objstore.Upload, error) {
	u, err := r.store.Create(ctx, uri)
	if strings.HasSuffix(uri, "0_0/exposures/002681_00_1_sci.fits") {
		return unfinishedUpload{u}, err
	}
	return u, err
}

type unfinishedUpload struct{ objstore.Upload }

func (unfinishedUpload) Commit() (objstore.Info, error) {
	return objstore.Info{}, errors.New("no room")
}
