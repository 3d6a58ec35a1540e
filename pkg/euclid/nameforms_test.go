package euclid

import (
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/settings"
)

// Every form's example is read by that form, says what its fields say, and is one
// field off where one of them is: a new line of the table needs no other test.
func TestNameForms(t *testing.T) {
	seen := map[string]string{}
	for _, f := range nameForms {
		if other, ok := seen[f.pattern]; ok {
			t.Errorf("%s stands twice, with %s and %s", f.pattern, f.example, other)
		}
		seen[f.pattern] = f.example
		values := f.exact.FindStringSubmatch(f.example)
		n, ok := ParseName(f.example + ".fits")
		if values == nil || !ok || n.Maker != f.maker {
			t.Errorf("%s isn't read by %s: %+v", f.example, f.pattern, n)
			continue
		}
		said := map[string]string{
			"product": n.Product, "part": n.Part, "obs": n.Obs, "dither": n.Dither, "exposure": n.Number, "time": n.Timestamp + "Z",
		}
		for i, field := range f.fields {
			value := values[i+1]
			if nameFields[field].is == "" {
				t.Errorf("%s: no field is called %s", f.pattern, field)
			}
			switch {
			case field == "release" && n.Release != settings.ReleaseName(value):
				t.Errorf("%s: release %s", f.example, n.Release)
			case said[field] != "" && said[field] != value:
				t.Errorf("%s: %s is %s, not %s", f.example, field, said[field], value)
			}
			if field == "product" {
				continue
			}
			at := f.exact.FindStringSubmatchIndex(f.example)[2*i+2:]
			off := f.example[:at[0]] + "?" + f.example[at[1]:]
			if why, _ := nearMiss(off); !strings.Contains(why, `"?"`) {
				t.Errorf("%s is one field off, and nobody says so: %q", off, why)
			}
		}
	}
}

func TestNearMiss(t *testing.T) {
	for stem, want := range map[string]string{
		"EUC_VIS_SWL-DET-2681-00-1-0000000__20241017T042839.727728Z":           `its observation is "2681", not six digits`,
		"EUC_VIS_SWL-DET-002681-0-1-0000000__20241017T042839.727728Z":          `its dither is "0", not two or three digits`,
		"EUC_VIS_SWL-DET-002681-1000-1-0000000__20241017T042839.727728Z":       `its dither is "1000", not two or three digits`,
		"EUC_VIS_SWL-BKG-002681-00-3-0000000__20241017T042839.727728Z":         `its exposure number is "3", not 1 (nominal) or 2 (short)`,
		"EUC_VIS_SWL-WGT-002681-00-1-0000000__20241017T042839.727728":          `its time is "20241017T042839.727728", not a time like`,
		"EUC_VIS_SWL-DET-067070-00-1__20250621T020155.487037Z_var":             `not sci, rms or flg`,
		"EUC_VIS_SWL-DET-067070-00-1__20250621T020155.487037Z_SCI":             `its part is "SCI"`,
		"euc_vis_swl-det-067070-00-1__20250621t020155.487037z_sci":             "its letters are not those of EUC_VIS_SWL-DET-067070-00-1__20250621T020155.487037Z_sci",
		"EUC_VIS_GRD-PSF-000-abc-0000000__20240322T192915.424564Z":             `its observation is "abc"`,
		"EUC_MER_FINAL-CAT_TILE102018211-CC66G6_20241018T214045.289017Z_00.00": `its tag is "CC66G6", not hexadecimal digits`,
		"EUC_MER_FINAL-CAT_TILE102018211-CC66F6_20241018T214045.289017Z_0000":  `its release is "0000", not a release like 00.00`,
		"EUC_VIS_SWL-DET-02681-0-1-0000000__20241017T042839.727728Z":           "", // two are off
		"EUC_VIS_SWL-STK-002681-00-1-0000000__20241017T042839.727728Z":         "", // another product
		"EUC_NIR_SWL-DET-002681-00-1-0000000__20241017T042839.727728Z":         "",
		"readme": "", "": "", "EUC": "",
	} {
		if got, _ := nearMiss(stem); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", stem, got, want)
		}
	}
}
