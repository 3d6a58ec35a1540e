package euclid

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// nameForms are the names that Euclid's files have, without .fits. The pattern
// has fields in braces, see nameFields. A new form is a line here, and its
// example is its test.
var nameForms = compileForms([]nameForm{
	// Q1
	{maker: MadeByVIS, pattern: "EUC_VIS_SWL-{product=DET|BKG|WGT}-{obs}-{dither}-{exposure}-{serial}__{time}",
		example: "EUC_VIS_SWL-DET-002681-00-1-0000000__20241017T042839.727728Z"},
	{maker: MadeByVIS, pattern: "EUC_VIS_GRD-{product=PSF}-{serial}-{of}-{serial}__{time}",
		example: "EUC_VIS_GRD-PSF-000-000000-0000000__20240322T192915.424564Z"},
	{maker: MadeByMER, pattern: "EUC_MER_{product}_TILE{tile}-{tag}_{time}_{release}",
		example: "EUC_MER_FINAL-CAT_TILE102018211-CC66F6_20241018T214045.289017Z_00.00"},
	// Q2: without the last number, DET also in three files, dithers past 99
	{maker: MadeByVIS, pattern: "EUC_VIS_SWL-{product=DET|BKG|WGT}-{obs}-{dither}-{exposure}__{time}",
		example: "EUC_VIS_SWL-BKG-067070-143-1__20250621T020155.487037Z"},
	{maker: MadeByVIS, pattern: "EUC_VIS_SWL-{product=DET}-{obs}-{dither}-{exposure}__{time}_{part}",
		example: "EUC_VIS_SWL-DET-067070-00-1__20250621T020155.487037Z_sci"},
	{maker: MadeByVIS, pattern: "EUC_VIS_GRD-{product=PSF}-{serial}-{of}__{time}",
		example: "EUC_VIS_GRD-PSF-000-067070__20250621T020155.487037Z"},
	{maker: MadeByMER, pattern: "EUC_MER_{product}_TILE{tile}-{tag}_{time}",
		example: "EUC_MER_FINAL-CAT_TILE102018211-CC66F6_20241018T214045.289017Z"},
	// Names with a release where those above have none, and other mixtures
	{maker: MadeByVIS, pattern: "EUC_VIS_SWL-{product=DET|BKG|WGT}-{obs}-{dither}-{exposure}-{serial}__{time}_{release}",
		example: "EUC_VIS_SWL-WGT-002681-03-2-0000000__20241017T042839.727728Z_00.00"},
	{maker: MadeByVIS, pattern: "EUC_VIS_SWL-{product=DET|BKG|WGT}-{obs}-{dither}-{exposure}__{time}_{release}",
		example: "EUC_VIS_SWL-DET-067070-143-1__20250621T020155.487037Z_01.00"},
	{maker: MadeByVIS, pattern: "EUC_VIS_SWL-{product=DET}-{obs}-{dither}-{exposure}-{serial}__{time}_{part}",
		example: "EUC_VIS_SWL-DET-067070-00-1-0000000__20250621T020155.487037Z_rms"},
	{maker: MadeByVIS, pattern: "EUC_VIS_SWL-{product=DET}-{obs}-{dither}-{exposure}__{time}_{release}_{part}",
		example: "EUC_VIS_SWL-DET-067070-00-1__20250621T020155.487037Z_01.00_flg"},
	{maker: MadeByVIS, pattern: "EUC_VIS_GRD-{product=PSF}-{serial}-{of}-{serial}__{time}_{release}",
		example: "EUC_VIS_GRD-PSF-000-000000-0000000__20240322T192915.424564Z_00.00"},
	{maker: MadeByVIS, pattern: "EUC_VIS_GRD-{product=PSF}-{serial}-{of}__{time}_{release}",
		example: "EUC_VIS_GRD-PSF-000-067070__20250621T020155.487037Z_01.00"},
	{maker: MadeByVIS, pattern: "EUC_VIS_GRD-{product=PSF}-{serial}__{time}",
		example: "EUC_VIS_GRD-PSF-000__20250621T020155.487037Z"},
})

// nameFields says what the fields of patterns may be, and how people are told so.
var nameFields = map[string]struct{ is, want string }{
	"product":  {`[^_]+`, "a product's name"},
	"obs":      {`[0-9]{6}`, "six digits"},
	"of":       {`[0-9]+`, "digits"},
	"dither":   {`[0-9]{2,3}`, "two or three digits"},
	"exposure": {`[12]`, "1 (nominal) or 2 (short)"},
	"serial":   {`[0-9]+`, "digits"},
	"time":     {`[0-9]{8}T[0-9]{6}(?:\.[0-9]+)?Z`, "a time like 20241017T042839.727728Z"},
	"part":     {`sci|rms|flg`, "sci, rms or flg"},
	"tile":     {`[0-9]+`, "digits"},
	"tag":      {`[0-9A-Fa-f]+`, "hexadecimal digits"},
	"release":  {`[0-9]{1,9}\.[0-9]{1,9}`, "a release like 00.00"},
}

// nameForm is one form of names.
type nameForm struct {
	maker, pattern, example string

	fields []string // in their order
	exact  *regexp.Regexp
}

var nameField = regexp.MustCompile(`\{([a-z]+)(?:=([^}]*))?\}`)

func compileForms(forms []nameForm) []nameForm {
	for i := range forms {
		f := &forms[i]
		for _, m := range nameField.FindAllStringSubmatch(f.pattern, -1) {
			f.fields = append(f.fields, m[1])
		}
		f.exact = f.expression(-1, "")
	}
	return forms
}

// expression matches names of the form. Field number off, where there is one, may
// be something else.
func (f *nameForm) expression(off int, may string) *regexp.Regexp {
	i := -1
	return regexp.MustCompile("^" + nameField.ReplaceAllStringFunc(f.pattern, func(field string) string {
		i++
		m := nameField.FindStringSubmatch(field)
		switch {
		case i == off:
			return "(" + may + ")"
		case m[2] != "":
			return "(" + m[2] + ")"
		}
		return "(" + nameFields[m[1]].is + ")"
	}) + "$")
}

// nearForm matches names in which one field of a form is off.
type nearForm struct {
	*regexp.Regexp
	form  *nameForm
	field int // its number
}

// nearForms are compiled once somebody meets a name that is not understood.
var nearForms = sync.OnceValue(func() (near []nearForm) {
	for _, may := range []string{`[^-_]*`, `[^_]*`} { // one field, before what may be two
		for k := range nameForms {
			f := &nameForms[k]
			for i, field := range f.fields {
				if field != "product" { // other products are no mistakes
					near = append(near, nearForm{f.expression(i, may), f, i})
				}
			}
		}
	}
	return near
})

// nearMiss says what is wrong with a stem that is no name, where it is one but
// for one field or for the case of its letters; else it is empty. It also returns
// what the other fields say.
func nearMiss(stem string) (why string, n Name) {
	const begin = "EUC_"
	if len(stem) < len(begin) || !strings.EqualFold(stem[:len(begin)], begin) {
		return "", n
	}
	for _, f := range nearForms() {
		values := f.FindStringSubmatch(stem)
		if values == nil {
			continue
		}
		n.Maker = f.form.maker
		for i, field := range f.form.fields {
			if i != f.field && !n.set(field, values[i+1]) {
				return "", Name{}
			}
		}
		off := f.form.fields[f.field]
		return fmt.Sprintf("its %s is %q, not %s", fieldName(off), values[f.field+1], nameFields[off].want), n
	}
	for _, other := range []string{strings.ToUpper(stem), lowerPart(strings.ToUpper(stem))} {
		if n, ok := parseStem(other); ok && other != stem {
			return "its letters are not those of " + other, n
		}
	}
	return "", n
}

// lowerPart gives the last field, where it is a part, the small letters that it has.
func lowerPart(stem string) string {
	i := strings.LastIndexByte(stem, '_') + 1
	return stem[:i] + strings.ToLower(stem[i:])
}

// fieldName is what people are told of a field.
func fieldName(field string) string {
	switch field {
	case "obs", "of":
		return "observation"
	case "exposure":
		return "exposure number"
	case "serial":
		return "number"
	}
	return field
}
