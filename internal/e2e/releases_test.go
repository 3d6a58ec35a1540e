package e2e

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReleases: the pipeline makes the same rows of one sky as Q1 and as Q2 has it,
// over S3 and over HTTPS; what it copied of a DET in three files is said in the manifests.
func TestReleases(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const second = "euclid-q2"
	q2 := s.server.Bucket(t, second)
	s.do(t, "simulate", "--preset", "tiny", "--release", "q2", "--gz", "catalogues", "--out", filepath.Join(q2, "q1"))
	url := s.serveHTTPS(t, filepath.Join(q2, "q1"))
	s.env = append(s.env, "SSL_CERT_FILE="+s.path("cert.pem"))
	write(t, s.path("q1.yaml"), s.config(surveyBucket))
	write(t, s.path("q2.yaml"), s.config(second))
	write(t, s.path("web.yaml"), s.tiny.ConfigYAML(url)+"engine: reference\n")
	all := map[string][]string{}
	for _, where := range []string{"q1", "q2", "web"} {
		r := s.do(t, "run", "--config", where+".yaml", "--run-id", "same", "--set", "engine=reference", "--cache", "off",
			"--storage", s.path(where), "--set", "output.catalog_warehouse="+s.path("warehouse-"+where))
		if !regexp.MustCompile(`verdict +ok`).MatchString(r.stdout) {
			t.Fatal(r)
		}
		if where != "q1" && !strings.Contains(r.stdout, "combined and in three files") {
			t.Errorf("nothing says that exposures lie there twice: %s", r)
		}
		all[where] = s.rows(t, where)
	}
	if d := cmp.Diff(all["q1"], all["q2"]); d != "" || len(all["q1"]) < 20 {
		t.Errorf("rows (-q1 +q2):\n%s", d)
	}
	if d := cmp.Diff(all["q2"], all["web"]); d != "" {
		t.Errorf("rows of q2 (-S3 +HTTPS):\n%s", d)
	}
	manifests, err := filepath.Glob(s.path("q2", "same", "*", "*", "manifest.yaml"))
	if err != nil || len(manifests) == 0 {
		t.Fatalf("%v, %v", manifests, err)
	}
	for _, part := range []string{"sci", "rms", "flg"} {
		path := fmt.Sprintf(`%s_path: "?s3://euclid-q2/q1/VIS/EUC_VIS_SWL-DET-002681-99-1__[^_]*_%s\.fits`, part, part)
		if !regexp.MustCompile(path).Match(read(t, manifests[0])) {
			t.Errorf("%s doesn't name the file of %s: %s", manifests[0], part, read(t, manifests[0]))
		}
	}
}
