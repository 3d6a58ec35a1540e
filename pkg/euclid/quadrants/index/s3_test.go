package index_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cosmostat/constellation/internal/testing/indextest"
	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/euclid/quadrants/index"
	"github.com/cosmostat/constellation/pkg/objstore"
)

func TestMain(m *testing.M) { os.Exit(s3test.Main(m)) }

// Over S3, with spills there too: a query is few requests and few bytes, also
// after merges, and nothing but the dataset stays.
func TestS3(t *testing.T) {
	server := s3test.Start(t)
	server.Setenv(t)
	server.Bucket(t, "index")
	scratchDir := server.Bucket(t, "scratch")
	s := indextest.Survey{Exposures: 120, Centre: places["RA 0"], AreaDeg2: 10}
	opts := index.Options{SpillRows: 4096, FileRows: 8192, GroupRows: 512}
	const uri = "s3://index/v1/quadrants.json"
	store := objstore.Open(t.Context(), objstore.Config{})
	every := deliveries(t, s)
	now := map[int]delivery{}
	var sum *index.Summary
	for i, to := range []int{90, 110, 116, 120} {
		for k := len(now); k < to; k++ {
			now[k] = every[k]
		}
		had := len(now)
		var read []string
		if sum, read = updateIn(t, store, "s3://index/shared", uri, "s3://scratch/", opts, now); i > 0 && len(read) >= had {
			t.Errorf("%d batches were read", len(read))
		}
	}
	if sum.Runs != 3 || sum.Exposures != 120 {
		t.Errorf("%+v", sum)
	}
	if left, err := filepath.Glob(filepath.Join(scratchDir, "*.parquet")); err != nil || len(left) > 0 {
		t.Errorf("left in scratch: %v, %v", left, err)
	}
	p := server.Proxy(t, 5*time.Millisecond)
	p.Setenv(t)
	qs := near(t, objstore.Open(t.Context(), objstore.Config{}), uri, s.Centre, 0.4)
	// The root document, a footer and a stretch or two of each of at most four files.
	if n, share := p.Requests(), float64(p.BytesOut())/float64(sum.Bytes); len(qs) < 500 || n > 1+3*4 || share > 0.5 {
		t.Errorf("%d quadrants by %d requests and %.2f of the bytes", len(qs), n, share)
	}
}
