package observations_test

import (
	"bytes"
	"io"
	"reflect"
	"slices"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/testrun"
	"github.com/cosmostat/constellation/pkg/euclid/filelist"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline/observations"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/survey"
)

// TestExported lists a survey by what was exported of it, in both formats, and
// finds what it finds without: the same batches, so that nothing is read again.
func TestExported(t *testing.T) {
	for name, write := range map[string]func(io.Writer, []filelist.Row) error{"csv": filelist.WriteCSV, "parquet": filelist.WriteParquet} {
		t.Run(name, func(t *testing.T) {
			r := testrun.New(t)
			want := r.Indexed()
			wanted, err := survey.Load[survey.Tiles](t.Context(), r.Memory, want.Tiles.URI)
			check(t, err)
			entries, notes, err := observations.Inventory(t.Context(), r.Memory, r.Settings.Source)
			check(t, err)
			if len(notes) == 0 {
				t.Error("nothing is said of the exposure without WGT")
			}
			var list bytes.Buffer
			check(t, write(&list, filelist.Rows(entries)))
			uri := "mem://lists/files." + name
			_, err = objstore.WriteFile(t.Context(), r.Memory, uri, list.Bytes())
			check(t, err)

			in := r.IndexIn()
			in.Source = settings.Source{Files: uri, Exposures: in.Source.Exposures, Release: in.Source.Release}
			got, err := observations.Index(r.Stage("index"), in)
			check(t, err)
			found, err := survey.Load[survey.Tiles](t.Context(), r.Memory, got.Tiles.URI)
			check(t, err)
			if !slices.Equal(got.Batches, want.Batches) || got.Release != want.Release {
				t.Errorf("batches %v of release %s, without the list %v of %s", got.Batches, got.Release, want.Batches, want.Release)
			}
			if !reflect.DeepEqual(found.Tiles, wanted.Tiles) {
				t.Errorf("tiles %+v, without the list %+v", found.Tiles, wanted.Tiles)
			}
		})
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
