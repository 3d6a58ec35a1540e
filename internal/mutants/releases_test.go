package mutants

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cosmostat/constellation/internal/testing/testrun"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/simulate"
)

// TestReleases: the same sky gives the same rows, in whatever form it was delivered.
func TestReleases(t *testing.T) {
	rows := func(t *testing.T, release string, gz ...string) (all []string, e *ending) {
		s, err := simulate.Preset("tiny")
		if err != nil {
			t.Fatal(err)
		}
		s.Release, s.Gzip = release, gz
		k := &kept{Run: testrun.Of(t, s, "engine: reference")}
		if e = finish(k, atListing); !e.ok() {
			t.Fatalf("%s: %v\n%s", release, e.err, e.said)
		}
		c, err := catalog.Open(t.Context(), k.Settings.Catalog)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		add := func(row any, err error) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, rowText(t, row))
		}
		for r, err := range c.Rows(t.Context(), catalog.Filter{}) {
			add(r, err)
		}
		for r, err := range c.Sources(t.Context(), catalog.Filter{}) {
			add(r, err)
		}
		slices.Sort(all)
		return all, e
	}
	q1, _ := rows(t, "q1")
	if len(q1) < 20 {
		t.Fatalf("%d rows", len(q1))
	}
	q2, e := rows(t, "q2", "catalogues")
	if d := cmp.Diff(q1, q2); d != "" {
		t.Errorf("rows (-q1 +q2):\n%s", d)
	}
	for _, want := range []string{`combined and in three files, and is taken once: 1`, `older deliveries of VIS files, not taken: 3`} {
		e.says(t, []string{want})
	}
	for _, name := range []string{"DET-002681-99-1__", "DET-002682-100-1__", "_rms.fits", "_01.00.fits.gz"} {
		if len(e.run.FindAll("mem://euclid/q1/", name)) == 0 {
			t.Errorf("no file is called %s", name)
		}
	}
}

// rowText is a row without what names a run and its inputs.
func rowText(t *testing.T, row any) string {
	t.Helper()
	text, err := json.Marshal(row)
	if err != nil {
		t.Fatal(err)
	}
	var values map[string]any
	if err := json.Unmarshal(text, &values); err != nil {
		t.Fatal(err)
	}
	for key := range values {
		for _, of := range []string{"run", "config", "plan", "time", "created", "version"} {
			if strings.Contains(strings.ToLower(key), of) && !strings.Contains(strings.ToLower(key), "exptime") {
				delete(values, key)
			}
		}
	}
	text, err = json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
