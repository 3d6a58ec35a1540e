package objstore_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/cosmostat/constellation/pkg/objstore"
)

// TestContentType: whichever way an object is stored, its type goes with the
// request that names it.
func TestContentType(t *testing.T) {
	_, proxy, s := far(t)
	var mu sync.Mutex
	sent := map[string]string{} // by path: of the request that makes the object
	proxy.Inject(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		part := r.URL.Query().Has("partNumber") || r.URL.Query().Has("uploadId")
		if (r.Method == http.MethodPut || r.Method == http.MethodPost) && !part && !r.URL.Query().Has("delete") {
			mu.Lock()
			sent[r.URL.Path] = r.Header.Get("Content-Type")
			mu.Unlock()
		}
		return false
	})
	ctx := t.Context()
	for _, c := range []struct{ name, want string }{
		{"data/0/deck.html", "text/html"}, {"map.SVG", "image/svg+xml"}, {"map.png", "image/png"}, {"run.json", "application/json"},
		{"manifest.yaml", "application/yaml"}, {"shear.parquet", "application/vnd.apache.parquet"}, {"catalog.fits", "application/fits"},
		{"outputs.pb", "application/x-protobuf"}, {"c.tgz", "application/gzip"}, {"engine.log", "text/plain"},
		{"tasks.html/noend", "application/octet-stream"}, {"a.unknown", "application/octet-stream"},
	} {
		put(t, s, "s3://bucket/put/"+c.name, []byte("x"))
		if _, err := objstore.WriteNew(ctx, s, "s3://bucket/new/"+c.name, []byte("x")); err != nil {
			t.Fatal(err)
		}
		for _, way := range []string{"put", "new"} {
			if got := sent["/bucket/"+way+"/"+c.name]; got != c.want {
				t.Errorf("%s/%s is stored as %q, want %q", way, c.name, got, c.want)
			}
		}
	}
	large := put(t, s, "s3://bucket/parts/large.html", make([]byte, 12<<20))
	part := objstore.Part{URI: large.URI, ETag: large.ETag, Range: objstore.Range{Length: 6 << 20}}
	if _, err := s.Assemble(ctx, "s3://bucket/parts/made.svg", objstore.Indexed(s, "the index", time.Now()), []objstore.Part{part}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"/bucket/parts/large.html": "text/html", "/bucket/parts/made.svg": "image/svg+xml"} {
		if got := sent[path]; got != want {
			t.Errorf("%s is stored as %q, want %q", path, got, want)
		}
	}
}
