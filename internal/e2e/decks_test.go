package e2e

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// TestDecks: the reports of a run are there, say what happened to each sub-tile
// and by which number its map knows it, and are stored as what they are.
func TestDecks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.try(t, "run", "--config", "constellation.yaml", "--run-id", "r1", "--metadata", "s3://"+productsBucket+"/metadata", "--set", "engine=reference", "--cache", "off")
	metadata := filepath.Join(s.products, "metadata", "r1")
	for stage, c := range map[string]struct {
		pattern string
		says    []string
	}{
		"check-catalog":    {"check-catalog/data/0/deck.html", []string{"<td>warehouse</td>", "<td>shear.edfs_shear</td>"}},
		"fan-out-batches":  {"fan-out-batches/data/0/deck.html", []string{"<td>in this execution</td>", "<td>batch-0-tiles-102018211-to-102018212</td><td>2</td>"}},
		"fan-out-tiles":    {"fan-out-batches/data/*/n0/data/fan-out-tiles/data/0/deck.html", []string{"<td>they go through</td><td>cpu</td>", "<td>tile-102018212</td><td>102018212</td>"}},
		"schedule-tile":    {documents + "schedule-tile/data/0/deck.html", []string{"<td>0_1</td><td>1</td><td>to be inferred</td>", "/0_1</td>"}},
		"assemble-catalog": {"fan-out-batches/data/*/n0/data/assemble-catalog/data/0/deck.html", []string{"<td>0_1</td><td>1</td><td>ok</td>", "results/shear.parquet", "tile 102018211: 4 ok"}},
		"record-run":       {"record-run/data/0/deck.html", []string{"/r1/run.json"}},
		"validate-catalog": {"validate-catalog/data/0/deck.html", []string{"verdict"}},
	} {
		found := files(t, metadata, c.pattern)
		if len(found) == 0 {
			t.Errorf("%s has no report at %s", stage, c.pattern)
		}
		for path, page := range found {
			for _, want := range c.says {
				if !strings.Contains(string(page), want) {
					t.Errorf("%s: no %q in %s", path, want, page)
				}
			}
			typed(t, s, "metadata/r1/"+path, "text/html")
		}
	}
	for path, want := range map[string]string{
		"r1/run.json": "application/json", "r1/102018211/0_0/manifest.yaml": "application/yaml", "r1/102018211/0_0/catalog.fits": "application/fits",
		"r1/102018211/0_0/results/shear.parquet": "application/vnd.apache.parquet", "r1/102018211/0_0/results/summary.json": "application/json",
	} {
		typed(t, s, path, want)
	}
}

// typed holds what a browser is told about an object.
func typed(t *testing.T, s *site, key, want string) {
	t.Helper()
	r, err := http.Get(s.server.Endpoint + "/" + productsBucket + "/" + filepath.ToSlash(key))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if got := r.Header.Get("Content-Type"); r.StatusCode != http.StatusOK || got != want {
		t.Errorf("%s: HTTP %d, %q, want %q", key, r.StatusCode, got, want)
	}
}
