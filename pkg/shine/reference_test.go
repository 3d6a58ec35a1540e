package shine_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/testsurvey"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/shine"
	"github.com/cosmostat/constellation/pkg/simulate"
	"github.com/cosmostat/constellation/pkg/survey"
)

// TestReference runs the reference engine as any other: results checked, in
// their place, with its name on them. (That they are right is for its package to test.)
func TestReference(t *testing.T) {
	s, err := simulate.Preset("tiny")
	if err != nil {
		t.Fatal(err)
	}
	s.GridRows, s.GridCols, s.Targets = 1, 1, 1
	sub := testsurvey.Prepare(t, s, t.TempDir()).SubTiles[0]
	found, err := shine.Run(t.Context(), shine.Job{Dir: sub.Dir, Engine: settings.EngineReference, ConfigID: "c"})
	if err != nil {
		t.Fatal(err)
	}
	out := found.Outcome
	rows, err := results.LoadShear(t.Context(), objstore.Open(t.Context(), objstore.Config{}), out.Shear)
	if err != nil {
		t.Fatal(err)
	}
	if out.Status != survey.StatusOK || rows[0].Method != "reference" || rows[0].Convergence == nil || rows[0].NSources == 0 {
		t.Errorf("%+v: %+v", out, rows[0])
	}
	summary, err := os.ReadFile(filepath.Join(sub.Dir, survey.ResultsDir, survey.SummaryFile))
	if err != nil || !strings.Contains(string(summary), "median_chi2_per_dof") {
		t.Errorf("%s: %v", summary, err)
	}
}
