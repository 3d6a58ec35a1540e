package catalog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/assemble"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// inferred writes the results of tile 7's four sub-tiles, two sources in each.
func inferred(t *testing.T, store objstore.Store) []survey.Outcome {
	t.Helper()
	dir := t.TempDir()
	shear, sources := tile(7, 2, 0.25)
	outcomes := make([]survey.Outcome, len(shear))
	for i, s := range shear {
		outcomes[i] = survey.Outcome{SubTileID: sky.ID(7, int(s.Row), int(s.Col)), Status: survey.StatusOK, Directory: fmt.Sprint(dir, "/", i),
			Shear:   save(t, store, dir, fmt.Sprint(i, survey.ShearFile), func(b *bytes.Buffer) error { return results.WriteShear(b, shear[i:i+1]) }),
			Sources: save(t, store, dir, fmt.Sprint(i, survey.SourcesFile), func(b *bytes.Buffer) error { return results.WriteSources(b, sources[i]) })}
	}
	return outcomes
}

// TestGatherLosesBadFiles: results that can't be used fail their sub-tile, and
// the three others are committed.
func TestGatherLosesBadFiles(t *testing.T) {
	store := objstore.Open(t.Context(), objstore.Config{})
	for name, spoil := range map[string]func(f *survey.File, other survey.File) error{
		"gone":    func(f *survey.File, _ survey.File) error { return os.Remove(f.URI) },
		"cut":     func(f *survey.File, _ survey.File) error { return os.Truncate(f.URI, f.Size-100) },
		"changed": func(f *survey.File, _ survey.File) error { f.SHA256 = strings.Repeat("0", 64); return nil },
		"foreign": func(f *survey.File, other survey.File) error { *f = other; return nil },
	} {
		for _, file := range []string{survey.ShearFile, survey.SourcesFile} {
			t.Run(name+" "+file, func(t *testing.T) {
				outcomes := inferred(t, store)
				f, other := &outcomes[1].Shear, outcomes[2].Shear
				if file == survey.SourcesFile {
					f, other = &outcomes[1].Sources, outcomes[2].Sources
				}
				if err := spoil(f, other); err != nil {
					t.Fatal(err)
				}
				b, lost, err := assemble.Gather(t.Context(), store, "r", plan(7), outcomes)
				if err != nil {
					t.Fatal(err)
				}
				o := outcomes[1]
				if len(lost) != 1 || lost[0].Row != o.Row || lost[0].Col != o.Col || lost[0].Status != survey.StatusFailed || lost[0].Directory != o.Directory ||
					!strings.Contains(lost[0].Reason, f.URI) || lost[0].Shear != (survey.File{}) || lost[0].Sources != (survey.File{}) {
					t.Errorf("lost: %+v", lost)
				}
				failed := 0
				for _, row := range b.Shear {
					if row.Status == survey.StatusFailed {
						failed++
						if int(row.Row) != o.Row || int(row.Col) != o.Col || row.G1 != nil {
							t.Errorf("failed: %+v", row)
						}
					}
				}
				if s := commit(t, open(t, t.TempDir()), b); failed != 1 || s.ShearRows != 4 || s.SourceRows != 6 {
					t.Errorf("%d failed, %+v", failed, s)
				}
			})
		}
	}
	outcomes := inferred(t, store)
	outcomes[0].Shear = survey.File{}
	if _, lost, err := assemble.Gather(t.Context(), store, "r", plan(7), outcomes); err != nil || len(lost) != 1 {
		t.Errorf("an outcome that is ok without results: %+v, %v", lost, err)
	}
}

// unwilling refuses to read one object.
type unwilling struct {
	objstore.Reader
	uri string
	err error
}

func (u unwilling) Get(ctx context.Context, uri, etag string, r objstore.Range) (io.ReadCloser, error) {
	if uri == u.uri {
		return nil, u.err
	}
	return u.Reader.Get(ctx, uri, etag, r)
}

// TestGatherEnds: what says nothing about the file ends the gathering, for a retry or a person.
func TestGatherEnds(t *testing.T) {
	store := objstore.Open(t.Context(), objstore.Config{})
	outcomes := inferred(t, store)
	for _, want := range []error{
		fault.Passing(objstore.Throttled, "slow down"), fault.Input(objstore.AccessDenied, "no"), fault.Input(objstore.BucketNotFound, "no bucket"),
		errors.New("unheard of"), context.Canceled,
	} {
		for _, f := range []survey.File{outcomes[0].Shear, outcomes[3].Sources} {
			_, lost, err := assemble.Gather(t.Context(), unwilling{store, f.URI, want}, "r", plan(7), outcomes)
			if !errors.Is(err, want) || lost != nil {
				t.Errorf("%v: lost %v, error %v", want, lost, err)
			}
		}
	}
}
