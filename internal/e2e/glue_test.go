package e2e

import (
	"strings"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/gluetest"
)

// TestGlue runs the whole way into tables of AWS Glue with a warehouse in a bucket,
// and looks after them.
func TestGlue(t *testing.T) {
	t.Parallel()
	glue := gluetest.New(t)
	s := newSite(t)
	s.server.Bucket(t, "tables")
	s.env = append(s.env, "AWS_ENDPOINT_URL_GLUE="+glue.URL)
	const file = "glue.yaml"
	text := s.config(surveyBucket)
	write(t, s.path(file), strings.Replace(text, "  catalog_warehouse: \""+s.path("warehouse")+"\"", "  catalog_uri: glue://"+glue.Region+"\n  catalog_warehouse: s3://tables/wh", 1))
	r := s.do(t, "run", "--config", file, "--run-id", "first")
	if !strings.Contains(r.stdout, "verdict") || glue.Calls("UpdateTable") == 0 {
		t.Error(r)
	}
	s.do(t, "validate", "--config", file, "--run-id", "first")
	if r := s.do(t, "campaign", "status", "--config", file); !hasFigure(r.stdout, "done", 2) {
		t.Error(r)
	}
	s.do(t, "clean", "--config", file, "--snapshots", "--older-than", "1s", "--yes")
	s.do(t, "validate", "--config", file, "--run-id", "first")
}
