package catalog_test

import (
	"os"
	"testing"
	"time"

	"github.com/cosmostat/constellation/pkg/catalog"
)

func TestScaleTmp(t *testing.T) {
	if os.Getenv("SCALE") == "" { t.Skip() }
	c := open(t, t.TempDir())
	start := time.Now()
	for id := range int64(300) {
		commit(t, c, batch("r", config, id, 1600, 0.25))
		if id%50 == 49 { t.Log(id+1, time.Since(start)); start = time.Now() }
	}
	start = time.Now()
	commit(t, c, batch("r2", config, 5, 1600, 0.5))
	t.Log("replace", time.Since(start)); start = time.Now()
	var ids []int64
	for id := range int64(300) { ids = append(ids, id) }
	rep := validate(t, c, plan(ids...), catalog.Thresholds{MinCompleteness: 1})
	t.Log("validate", time.Since(start), rep.OK, rep.Sources, rep.Reasons)
}
