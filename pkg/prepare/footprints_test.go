package prepare_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/euclid/quadrants"
	"github.com/cosmostat/constellation/pkg/euclid/quadrants/index"
	"github.com/cosmostat/constellation/pkg/euclid/quadrants/index/indextest"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/prepare"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// batches writes one object of footprints per two exposures.
func batches(t *testing.T, s indextest.Survey, dir string) (plan *survey.Plan, uris []string, all []euclid.Quadrant) {
	t.Helper()
	plan = &survey.Plan{PerBatch: 2}
	for from := 0; from < s.Exposures; from += 2 {
		var qs []euclid.Quadrant
		err := s.Each(from, from+2, func(some []euclid.Quadrant) error {
			id := some[0].Exposure
			plan.Exposures = append(plan.Exposures, euclid.Exposure{ExposureID: id, DET: euclid.File{URI: "s3://vis/" + id.String() + ".fits"}})
			qs = append(qs, some...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := quadrants.Write(&b, qs); err != nil {
			t.Fatal(err)
		}
		uris, all = append(uris, filepath.Join(dir, fmt.Sprintf("%d.parquet", from/2))), append(all, qs...)
		if err := os.WriteFile(uris[len(uris)-1], b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return plan, uris, all
}

func TestMerge(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dir, store := t.TempDir(), objstore.Open(t.Context(), objstore.Config{})
	s := indextest.Survey{Exposures: 40, Centre: sky.Coord{RA: 0.1, Dec: 66}, AreaDeg2: 4}
	plan, uris, all := batches(t, s, dir)
	root := filepath.Join(dir, "index", "quadrants.json")
	m, err := prepare.Merge(t.Context(), store, plan, uris, "0", root)
	if err != nil || m.Quadrants != int64(len(all)) || m.Exposures != 40 || len(m.Missing) != 0 {
		t.Fatalf("%+v, %v", m, err)
	}
	x, err := index.Open(t.Context(), store, root)
	if err != nil {
		t.Fatal(err)
	}
	got, err := x.Near(t.Context(), s.Centre, 0.4)
	if err != nil {
		t.Fatal(err)
	}
	names := func(qs []euclid.Quadrant) (ns []string) {
		for _, q := range qs {
			ns = append(ns, q.Exposure.String()+" "+q.Name)
		}
		slices.Sort(ns)
		return ns
	}
	if diff := cmp.Diff(names(euclid.Overlapping(all, s.Centre, 0.4)), names(got)); diff != "" || len(got) == 0 {
		t.Errorf("(-want +got)\n%s", diff)
	}

	uris[7] = "" // its element failed
	_, err = prepare.Merge(t.Context(), store, plan, uris, "1", root)
	if fault.CodeOf(err) != "FilesMissing" || !strings.Contains(err.Error(), plan.Exposures[14].DET.URI) {
		t.Errorf("two are missing, one may be: %v", err)
	}
	m, err = prepare.Merge(t.Context(), store, plan, uris, "0.05", root)
	if err != nil || m.Quadrants != int64(len(all)-288) || len(m.Missing) != 2 {
		t.Errorf("two are missing, two may be: %+v, %v", m, err)
	}
	if err := os.WriteFile(uris[3], []byte("PAR1 this is not"), 0o666); err != nil {
		t.Fatal(err)
	}
	_, err = prepare.Merge(t.Context(), store, plan, uris, "0.05", root)
	if fault.KindOf(err) != fault.BadData || !strings.Contains(err.Error(), uris[3]) {
		t.Errorf("a damaged batch: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "footprints-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
