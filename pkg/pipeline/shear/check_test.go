package shear_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/testrun"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/shear"
)

// TestCheck: what assembly couldn't commit to is an error before anything is begun,
// and nothing is made.
func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		assembled bool
		spoil     func(r *testrun.Run, in *pipeline.CheckCatalogIn)
		tables    []string
		code      string
		says      string
	}{
		"nothing there": {},
		"assembled":     {assembled: true, tables: []string{"shear.edfs_shear", "shear.edfs_shear_sources"}},
		"another's table": {
			assembled: true, code: catalog.CodeTable, says: `column "RA"`,
			spoil: func(_ *testrun.Run, in *pipeline.CheckCatalogIn) { in.Catalog.Table += "_sources" },
		},
		"no kind of catalogue": {
			code: catalog.CodeSettings, says: "use sqlite://",
			spoil: func(_ *testrun.Run, in *pipeline.CheckCatalogIn) { in.Catalog.URI = "mysql://h/x" },
		},
		"no such way": {
			code: catalog.CodeSettings, says: "not a directory",
			spoil: func(r *testrun.Run, in *pipeline.CheckCatalogIn) { in.Catalog.Warehouse = "/dev/null/w" },
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, _, assembly := start(t)
			if c.assembled {
				assembled(t, r, assembly)
			}
			in := pipeline.CheckCatalogIn{Catalog: r.Settings.Catalog}
			if c.spoil != nil {
				c.spoil(r, &in)
			}
			before := below(t, r.Settings.Catalog.Warehouse)
			out, err := shear.Check(r.Stage("check"), in)
			if fault.CodeOf(err) != c.code || err != nil && (fault.KindOf(err) != fault.BadInput || !strings.Contains(err.Error(), c.says)) || !slices.Equal(out.Tables, c.tables) {
				t.Errorf("%+v, %v", out, err)
			}
			if after := below(t, r.Settings.Catalog.Warehouse); !slices.Equal(after, before) {
				t.Errorf("it left %v, before %v", after, before)
			}
		})
	}
}

// below are the files below a directory, but those in which SQLite writes ahead.
func below(t *testing.T, dir string) (all []string) {
	t.Helper()
	check(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if !strings.Contains(path, ".db-") {
			all = append(all, path)
		}
		return err
	}))
	return all
}
