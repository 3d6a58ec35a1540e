package e2e

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/settings"
)

// TestReleases: the pipeline makes the same rows of one sky as Q1 and as Q2 has it,
// over S3; what it copied of a DET in three files is said in the manifests.
func TestReleases(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	q2 := s.server.Bucket(t, "q2")
	s.do(t, "simulate", "--preset", "tiny", "--release", "q2", "--gz", "catalogues", "--out", filepath.Join(q2, "q1"))
	rows := func(bucket string) (all []string) {
		warehouse := s.path("warehouse-" + bucket)
		write(t, s.path(bucket+".yaml"), strings.Replace(s.config(bucket), s.path("warehouse"), warehouse, 1))
		r := s.do(t, "run", "--config", bucket+".yaml", "--run-id", "of-"+bucket, "--set", "engine=reference", "--cache", "off")
		if !regexp.MustCompile(`verdict +ok`).MatchString(r.stdout) {
			t.Fatal(r)
		}
		if bucket == "q2" && !strings.Contains(r.stdout, "combined and in three files") {
			t.Errorf("nothing says that exposures lie there twice: %s", r)
		}
		c, err := catalog.Open(t.Context(), settings.Catalog{Warehouse: warehouse, Namespace: "shear", Table: strings.ToLower(s.tiny.Field) + "_shear"})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for r, err := range c.Rows(t.Context(), catalog.Filter{}) {
			if err != nil {
				t.Fatal(err)
			}
			r.RunID, r.ConfigID = "", ""
			all = append(all, asJSON(t, r))
		}
		for r, err := range c.Sources(t.Context(), catalog.Filter{}) {
			if err != nil {
				t.Fatal(err)
			}
			r.RunID, r.ConfigID = "", ""
			all = append(all, asJSON(t, r))
		}
		slices.Sort(all)
		return all
	}
	if d := cmp.Diff(rows(surveyBucket), rows("q2")); d != "" {
		t.Errorf("rows (-q1 +q2):\n%s", d)
	}
	manifests, err := filepath.Glob(filepath.Join(s.products, "of-q2", "*", "*", "manifest.yaml"))
	if err != nil || len(manifests) == 0 {
		t.Fatalf("%v, %v", manifests, err)
	}
	for _, part := range []string{"sci", "rms", "flg"} {
		path := fmt.Sprintf(`%s_path: "?s3://q2/q1/VIS/EUC_VIS_SWL-DET-002681-99-1__[^_]*_%s\.fits`, part, part)
		if !regexp.MustCompile(path).Match(read(t, manifests[0])) {
			t.Errorf("%s doesn't name the file of %s: %s", manifests[0], part, read(t, manifests[0]))
		}
	}
}
