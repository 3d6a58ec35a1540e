// Package filelist reads and writes lists of Euclid's files: a table of which
// file holds which product of which exposure or tile. With one, an archive needs
// no listing, and a mirror may call its files as it likes.
//
// A list is CSV (RFC 4180, UTF-8, with a line of column names; lines that begin
// with # are left out) or Parquet. Its columns, in any order, letter case and
// company:
//
//	product   DET, BKG, WGT, PSF, FINAL-CAT or BGSUB-MOSAIC-VIS
//	part      of a split DET: sci, rms or flg; else empty
//	obs_id    observation of a VIS product, such as 002681
//	dither    likewise, such as 00; of a PSF it may be empty: it is the observation's
//	exposure  likewise: 1 (nominal) or 2 (short)
//	tile_id   tile of a MER product
//	release   of a MER product, as at the end of its name, such as 00.00; may be empty
//	uri       of the file; without a scheme or slash in front it is below the list's directory
//	size      in bytes; may be empty
//	etag      entity tag, without quotes; may be empty
//
// product and uri must be there. Of files without a size or an etag the store is
// asked, by a request each.
package filelist

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/settings"
)

// CodeInvalid is the code of a list that can't be used.
const CodeInvalid = "FileList"

// MaxRows is what a list has at most. The survey has some 400,000 files that matter here.
const MaxRows = 1 << 21

// columns are the names of the columns, in the order in which they are written.
var columns = []string{"product", "part", "obs_id", "dither", "exposure", "tile_id", "release", "uri", "size", "etag"}

// Row is one file, as the list has it.
type Row struct {
	Product, Part         string
	Obs, Dither, Exposure string
	Tile, Release         string
	URI                   string
	Size, ETag            string

	place  string // in the list, for messages
	number int    // of the line, or in Parquet of the row
}

// fields are the row's values in the order of the columns.
func (r *Row) fields() []*string {
	return []*string{&r.Product, &r.Part, &r.Obs, &r.Dither, &r.Exposure, &r.Tile, &r.Release, &r.URI, &r.Size, &r.ETag}
}

// key is what there may be one file of.
func (r *Row) key() string {
	return strings.Join([]string{r.Product, r.Part, r.Obs, r.Dither, r.Exposure, r.Tile, r.Release}, "\x00")
}

// what is the key for people.
func (r *Row) what() string {
	words := []string{r.Product, r.Part}
	switch {
	case r.Tile != "":
		words = append(words, "of tile "+r.Tile, r.Release)
	case r.Dither == "":
		words = append(words, "of observation "+r.Obs)
	default:
		words = append(words, fmt.Sprintf("of %s_%s_%s", r.Obs, r.Dither, r.Exposure))
	}
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}

// vis says whether a product is one of VIS; ok, whether it is any that matters here.
func vis(product string) (is, ok bool) {
	switch product {
	case euclid.DET, euclid.BKG, euclid.WGT, euclid.PSF:
		return true, true
	case euclid.FinalCatalog, euclid.VISMosaic:
		return false, true
	}
	return false, false
}

// check brings a row into the form in which rows are compared, or says which
// column is wrong and what it needs.
func (r *Row) check() (column, need string) {
	for _, f := range r.fields() {
		*f = strings.TrimSpace(*f)
	}
	r.Product, r.Part, r.ETag = strings.ToUpper(r.Product), strings.ToLower(r.Part), strings.Trim(r.ETag, `"`)
	of, known := vis(r.Product)
	switch {
	case !known:
		return "", "" // of another product: it is counted
	case r.URI == "" || strings.ContainsFunc(r.URI, func(c rune) bool { return c < ' ' || c == 0x7f }):
		return "uri", "the file's place"
	case !number(r.Size, 18) && r.Size != "":
		return "size", "a number of bytes, or nothing"
	case of:
		return r.checkVIS()
	}
	return r.checkMER()
}

func (r *Row) checkVIS() (column, need string) {
	switch whole := r.Product != euclid.PSF; {
	case r.Part != "" && (r.Product != euclid.DET || !slices.Contains([]string{"sci", "rms", "flg"}, r.Part)):
		return "part", "sci, rms or flg for a part of a DET, or nothing"
	case !number(r.Obs, 6):
		return "obs_id", "an observation's number of up to six digits"
	case (whole || r.Dither+r.Exposure != "") && !number(r.Dither, 3):
		return "dither", "a number of up to three digits"
	case (whole || r.Dither+r.Exposure != "") && r.Exposure != "1" && r.Exposure != "2":
		return "exposure", "1 (nominal) or 2 (short)"
	case r.Tile != "":
		return "tile_id", "nothing: VIS products are of exposures"
	}
	r.Obs, r.Release = pad(r.Obs, 6), ""
	if r.Dither != "" {
		r.Dither = pad(strings.TrimLeft(r.Dither, "0"), 2)
	}
	return "", ""
}

func (r *Row) checkMER() (column, need string) {
	switch {
	case r.Part != "":
		return "part", "nothing: only a DET has parts"
	case r.Obs+r.Dither+r.Exposure != "":
		return "obs_id", "nothing, and none in dither and exposure: MER products are of tiles"
	case !number(r.Tile, 18):
		return "tile_id", "a tile's number"
	case r.Release != "" && !settings.IsRelease(r.Release):
		return "release", "a release such as 00.00, or nothing"
	}
	r.Tile = cmp.Or(strings.TrimLeft(r.Tile, "0"), "0")
	if r.Release != "" {
		r.Release = settings.ReleaseName(r.Release)
	}
	return "", ""
}

// number says whether s is decimal digits, at most so many.
func number(s string, most int) bool {
	return s != "" && len(s) <= most && strings.Trim(s, "0123456789") == ""
}

func pad(s string, n int) string { return strings.Repeat("0", max(0, n-len(s))) + s }

// refuse is an error about a row's column.
func (r *Row) refuse(list, column, format string, a ...any) *fault.Error {
	place := r.place
	if column != "" {
		place += ", column " + column
	}
	return fault.Input(CodeInvalid, format, a...).On(list).At("%s", place)
}
