package results_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/results"
)

// A column in another case is the column; one that is nearly an absent one's name
// is asked about, and what nobody knows stays somebody else's.
func TestNamesOfColumns(t *testing.T) {
	const base = `"TILE_ID":7,"SUBTILE_ROW":2,"SUBTILE_COL":3,"RA":1.5,"DEC":2,"G1":0.25,"G2":0.5,"N_SOURCES":3,"METHOD":"map"`
	number := func(name string) []arrow.Field {
		return []arrow.Field{{Name: name, Type: arrow.PrimitiveTypes.Float32}}
	}
	word := func(name string) []arrow.Field { return []arrow.Field{{Name: name, Type: arrow.BinaryTypes.String}} }
	for name, c := range map[string]struct {
		fields []arrow.Field
		json   string
		says   string // of the refusal
		check  func(s results.Shear) bool
	}{
		"an error in lower case": {number("g1_err"), `"g1_err":0.125`, "", func(s results.Shear) bool { return s.G1Err != nil && *s.G1Err == 0.125 }},
		"a status in lower case": {word("status"), `"status":"failed"`, "", func(s results.Shear) bool { return s.Status == "failed" }},
		"mixed case":             {number("Convergence"), `"Convergence":2`, "", func(s results.Shear) bool { return s.Convergence != nil }},
		"exact beside another case": {append(number("g1_err"), number("G1_ERR")...), `"g1_err":0.5,"G1_ERR":0.25`, "",
			func(s results.Shear) bool { return *s.G1Err == 0.25 }},
		"two cases, none exact":   {append(number("g1_err"), number("G1_Err")...), `"g1_err":0.5,"G1_Err":0.25`, `2 columns of this name: "g1_err" and "G1_Err"`, nil},
		"without the separator":   {number("G1ERR"), `"G1ERR":0.5`, `column "G1ERR": there is no column of this name; did you mean G1_ERR?`, nil},
		"another separator":       {number("g2-err"), `"g2-err":0.5`, "did you mean G2_ERR?", nil},
		"another word":            {number("G1_ERROR"), `"G1_ERROR":0.5`, "did you mean G1_ERR?", nil},
		"the word first":          {number("sigma_g1"), `"sigma_g1":0.5`, "did you mean G1_ERR?", nil},
		"a letter more":           {word("STATUSS"), `"STATUSS":"failed"`, "did you mean STATUS?", nil},
		"a space":                 {word("STATUS "), `"STATUS ":"failed"`, "did you mean STATUS?", nil},
		"two letters exchanged":   {word("STAUTS"), `"STAUTS":"failed"`, "did you mean STATUS?", nil},
		"somebody else's":         {append(number("E3_ERR"), number("loss")...), `"E3_ERR":0.5,"loss":1`, "", func(s results.Shear) bool { return s.G1Err == nil && s.Status == "ok" }},
		"of another third number": {number("G3_ERR"), `"G3_ERR":0.5`, "", func(s results.Shear) bool { return s.G1Err == nil }},
	} {
		t.Run(name, func(t *testing.T) {
			file := foreign(t, append(shearFields(nil), c.fields...), "[{"+base+","+c.json+"}]")
			rows, err := results.ReadShear(bytes.NewReader(file), int64(len(file)))
			switch {
			case c.says != "":
				if fault.CodeOf(err) != results.CodeColumns || !strings.Contains(err.Error(), c.says) {
					t.Error(err)
				}
			case err != nil || len(rows) != 1 || !c.check(rows[0]):
				t.Errorf("%+v, %v", rows, err)
			}
		})
	}
	// A required one that is misspelt is named, too.
	fields := shearFields(map[string]arrow.DataType{"RA": nil})
	file := foreign(t, append(fields, arrow.Field{Name: "R.A.", Type: arrow.PrimitiveTypes.Float64}), "[{"+strings.Replace(base, `"RA"`, `"R.A."`, 1)+"}]")
	if _, err := results.ReadShear(bytes.NewReader(file), int64(len(file))); err == nil || !strings.Contains(err.Error(), "did you mean RA?") {
		t.Error(err)
	}
}
