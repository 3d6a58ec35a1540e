package euclid

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
)

// hold compares what the primary header of a DET, BKG or WGT file says of its
// exposure with the file's name. Keywords that are absent or have no value
// contradict nothing; any value but the name's does.
func (e ExposureID) hold(uri string, primary *fits.HDU) error {
	for _, k := range []struct{ key, name, what string }{
		{"OBS_ID", e.Obs, "observation"}, {"DITHOBS", e.Dither, "dither"}, {"EXPNUM", e.Number, "exposure"},
	} {
		said, same := agrees(primary.Header, k.key, k.name)
		if same {
			continue
		}
		code := "ExposureContradiction"
		if k.key == "EXPNUM" {
			code = "ExposureNumber"
		}
		return fault.Data(code, "%s is %s, %s says %s %s", k.key, said, saidBy(uri), k.what, k.name).
			On(uri).At("%s, keyword %s", primary, k.key).
			Fix("the file is of another exposure than it is called after, or says it wrongly: put the right file in its place, or take it away")
	}
	return nil
}

// holdIn is hold, where there is an exposure to hold to.
func (e *ExposureID) holdIn(uri string, primary *fits.HDU) error {
	if e == nil {
		return nil
	}
	return e.hold(uri, primary)
}

// holdTile compares the tile that the primary header of a MER file names with
// the one in the file's name.
func holdTile(f File, primary *fits.HDU) error {
	tile, ok := f.tile()
	if !ok {
		return nil
	}
	for _, key := range []string{"TILEID", "TILE_ID", "TILE_IDX", "TILEINDX"} {
		if said, same := agrees(primary.Header, key, fmt.Sprint(tile)); !same {
			return wrongTile(f.URI, tile, "%s is %s", key, said).At("%s, keyword %s", primary, key)
		}
	}
	return nil
}

// wrongTile is the error of a MER file that says it is another tile's.
func wrongTile(uri string, tile int64, format string, a ...any) *fault.Error {
	return fault.Data("TileContradiction", "%s, %s says tile %d", fmt.Sprintf(format, a...), saidBy(uri), tile).On(uri).
		Fix("the file is of another tile than it is called after, or says it wrongly: put the right file in its place, or take it away")
}

// agrees compares a keyword with a number of a file's name: as numbers, since
// names have zeros in front, and headers write numbers as strings at times. It
// also says what the keyword's value is.
func agrees(h *fits.Header, key, name string) (said string, same bool) {
	if !h.Has(key) {
		return "", true
	}
	want, err := strconv.ParseInt(name, 10, 64)
	if err != nil {
		return "", true
	}
	if n, err := h.Int(key); err == nil {
		return fmt.Sprint(n), n == want
	}
	if x, err := h.Float(key); err == nil {
		return fmt.Sprint(x), x == float64(want)
	}
	text, err := h.Text(key)
	if err != nil {
		return "nothing that can be read: " + reason(err), false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	return fmt.Sprintf("%q", text), strings.TrimSpace(text) == "" || err == nil && n == want
}

// reason is an error of a keyword without its place and remedy.
func reason(err error) string {
	var f *fault.Error
	if errors.As(err, &f) && f.Err != nil {
		return f.Err.Error()
	}
	return err.Error()
}

// tile is whose a MER file is said to be, by who listed it or by its name.
func (f File) tile() (int64, bool) {
	if f.Tile != 0 {
		return f.Tile, true
	}
	n, ok := merNameOf(f.URI)
	return n.Tile, ok
}

// saidBy is who said what a file is, for messages.
func saidBy(uri string) string {
	_, base := split(uri)
	stem, _, _ := cutForm(base)
	if _, ok := parseStem(stem); ok {
		return "the file's name"
	}
	return "the file list"
}

// merNameOf is what a MER file's name says, in whatever form the file is.
func merNameOf(uri string) (Name, bool) {
	_, base := split(uri)
	stem, _, _ := cutForm(base)
	n, ok := parseStem(stem)
	return n, ok && n.Maker == MadeByMER
}
