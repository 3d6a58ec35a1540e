package euclid

import (
	"fmt"
	"strings"
)

// Forms in which a product's file can lie in a listing: what follows .fits in
// its name.
const (
	plain   = ""
	gzipped = ".gz"
)

// unpacking says, for forms that are a whole file in a compressed form, what
// makes it a file that can be read.
var unpacking = map[string]string{
	gzipped: "gunzip it", ".fz": "funpack it", ".bz2": "bunzip2 it", ".xz": "unxz it", ".zst": "unzstd it", ".Z": "uncompress it", ".zip": "unzip it",
}

// cutForm takes .fits and what follows it, which is the form, off a name: the
// form of X.fits is empty, of X.fits.gz .gz, of X.FITS .FITS, of X.fits~ ~. A
// dot in front, as programs put it there while they copy, is of the form, too.
// It is false for a name without .fits.
func cutForm(base string) (stem, form string, ok bool) {
	const fits = ".fits"
	visible := strings.TrimLeft(base, ".")
	i := len(visible) - len(fits)
	for i >= 0 && !strings.EqualFold(visible[i:i+len(fits)], fits) {
		i--
	}
	if i < 0 {
		return "", "", false
	}
	stem, form = visible[:i], visible[i:]
	if rest, lower := strings.CutPrefix(form, fits); lower {
		form = rest
	}
	if visible != base {
		form = "." + form
	}
	return stem, form, true
}

// isDelivery says whether files of a form are whole: they count among the
// deliveries of a product, whether they can be read or not. Others are leftovers.
func isDelivery(form string) bool { return form == plain || unpacking[form] != "" }

// packed says of a file in a form that can't be read what it is, and what to do.
func packed(uri, form string) string {
	_, base := split(uri)
	return fmt.Sprintf("%q is compressed: %s", base, unpacking[form])
}

// unread says of a file that is no delivery by its name what it is, and what to do.
func unread(base, form string) string {
	if strings.EqualFold(form, ".fits") {
		return fmt.Sprintf("%q is not taken for a FITS file: rename it to end in .fits", base)
	}
	return fmt.Sprintf("%q is no whole file by its name: deliver it whole, with a name that ends in .fits", base)
}

// tally counts names of one kind, and keeps the first few.
type tally struct {
	n        int
	examples []string
}

func (t *tally) add(example string) {
	t.n++
	if len(t.examples) < maxExamples {
		t.examples = append(t.examples, example)
	}
}
