package mutants

import (
	"bytes"
	"testing"

	"github.com/apache/arrow-go/v18/parquet"

	"github.com/cosmostat/constellation/pkg/columnar"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/survey"
)

// named writes the results again with other names for columns, as an engine might
// have them, and an outcome that says of them what is there.
func named(shear, sources map[string]string) change {
	return func(t *testing.T, k *kept) {
		outcomeOf(t, k, func(o *survey.Outcome) {
			rows, err := results.LoadShear(t.Context(), k.Memory, o.Shear)
			if err != nil {
				t.Fatal(err)
			}
			all, err := results.LoadSources(t.Context(), k.Memory, o.Sources)
			if err != nil {
				t.Fatal(err)
			}
			o.Shear = file(t, k, o.Shear.URI, rewritten(t, results.ShearColumns(), rows, shear))
			o.Sources = file(t, k, o.Sources.URI, rewritten(t, results.SourceColumns(), all, sources))
		})
	}
}

func rewritten[T any](t *testing.T, cols []columnar.Column[T], rows []T, names map[string]string) []byte {
	t.Helper()
	for i, c := range cols {
		if name, ok := names[c.Name]; ok {
			cols[i].Name = name
		}
	}
	var b bytes.Buffer
	out, err := columnar.NewWriter(&b, cols, parquet.WithDictionaryDefault(false))
	if err == nil {
		err = out.Group(rows)
	}
	if err == nil {
		err = out.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestColumns: the same numbers under a name of other letters are the same
// result; under one that is nearly a column's they are asked about, and never lost.
func TestColumns(t *testing.T) {
	same := func(name string, shear, sources map[string]string) mutant {
		return mutant{name: name, from: atAssembly, change: named(shear, sources), want: right()}
	}
	asked := func(name, column, is string) mutant {
		return broken(name, named(map[string]string{column: is}, nil), "did you mean "+column)
	}
	askedOfSources := func(name, column, is string) mutant {
		return broken(name, named(nil, map[string]string{column: is}), "did you mean "+column)
	}
	run(t, []mutant{
		same("the same names", nil, nil),
		same("an error in lower case", map[string]string{"G1_ERR": "g1_err"}, nil),
		same("the status in lower case", map[string]string{"STATUS": "status"}, nil),
		same("a needed column in lower case", map[string]string{"TILE_ID": "tile_id"}, nil),
		same("the method with a capital", map[string]string{"METHOD": "Method"}, nil),
		same("sources in lower case", nil, map[string]string{"FLUX": "flux", "FLUX_ERR": "flux_err", "E1": "e1", "E2": "e2", "SNR": "snr"}),
		same("flags in lower case", nil, map[string]string{"FLAGS": "flags", "N_EXPOSURES": "n_exposures"}),
		asked("an error without its line", "G1_ERR", "G1ERR"),
		asked("an error with a dash", "G2_ERR", "g2-err"),
		asked("an error in full", "G1_ERR", "G1_ERROR"),
		asked("an error as sigma", "G2_ERR", "SIGMA_G2"),
		asked("a status with a slip", "STATUS", "STATUSS"),
		asked("a status with a space", "STATUS", "STATUS "),
		asked("a method with a slip", "METHOD", "METHDO"),
		asked("a diagnostic with a slip", "CONVERGENCE", "CONVERGENC"),
		asked("a needed column without its line", "N_SOURCES", "NSOURCES"),
		askedOfSources("the error of a shape in full", "E1_ERR", "E1_ERROR"),
		askedOfSources("the error of a flux as sigma", "FLUX_ERR", "flux_sigma"),
		askedOfSources("a flag", "FLAGS", "FLAG"),
		askedOfSources("exposures without a line", "N_EXPOSURES", "NEXPOSURES"),
		askedOfSources("a size with a dot", "HLR", "hlr."),
		broken("a needed column of another name", named(map[string]string{"G1": "GAMMA1"}, nil), "column G1"),
	})
}
