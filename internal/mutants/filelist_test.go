package mutants

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/euclid/filelist"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// byList has a run take the survey from a file list.
const byList = `data: {vis_base_uri: "", mer_base_uri: "", catalog_base_uri: "", files: "s3://euclid/files.csv"}`

// tabled writes the list of a survey's files, after another change and one of its rows.
func tabled(before change, edits ...func(rows []filelist.Row) []filelist.Row) change {
	return func(t *testing.T, k *kept) {
		before(t, k)
		byProduct := map[string]filelist.Row{}
		for _, uri := range k.FindAll("mem://euclid/q1/", ".fits") { // of deliveries the newest is the last
			info, err := k.Memory.Stat(t.Context(), uri)
			if err != nil {
				t.Fatal(err)
			}
			n, ok := euclid.ParseName(strings.TrimSuffix(objstore.Base(uri), ".gz"))
			if !ok || n.Maker == euclid.MadeByMER && n.Product != euclid.FinalCatalog && n.Product != euclid.VISMosaic {
				continue
			}
			row := filelist.Row{Product: n.Product, Part: n.Part, Obs: n.Obs, Dither: n.Dither, Exposure: n.Number, Release: n.Release, URI: uri, Size: fmt.Sprint(info.Size), ETag: info.ETag}
			if n.Maker == euclid.MadeByMER {
				row.Tile = fmt.Sprint(n.Tile)
			}
			if n.Product == euclid.PSF {
				row.Obs = strings.Split(uri, "/VIS/")[1][:4]
			}
			byProduct[row.Product+row.Part+row.Obs+row.Dither+row.Exposure+row.Tile] = row
		}
		var rows []filelist.Row
		for _, key := range slices.Sorted(maps.Keys(byProduct)) {
			rows = append(rows, byProduct[key])
		}
		for _, edit := range edits {
			rows = edit(rows)
		}
		var text bytes.Buffer
		if err := filelist.WriteCSV(&text, rows); err != nil {
			t.Fatal(err)
		}
		put(t, k, "mem://euclid/files.csv", text.Bytes())
	}
}

// row edits the rows whose place has some words in it.
func row(words string, edit func(*filelist.Row)) func([]filelist.Row) []filelist.Row {
	return func(rows []filelist.Row) []filelist.Row {
		for i := range rows {
			if strings.Contains(rows[i].URI, words) {
				edit(&rows[i])
			}
		}
		return rows
	}
}

// without leaves rows out.
func without(words string) func([]filelist.Row) []filelist.Row {
	return func(rows []filelist.Row) []filelist.Row {
		return slices.DeleteFunc(rows, func(r filelist.Row) bool { return strings.Contains(r.URI, words) })
	}
}

// anonymous moves a file to a name that says nothing.
func anonymous(file, to string) change {
	return func(t *testing.T, k *kept) {
		uri := k.Find("euclid", file)
		put(t, k, to, get(t, k, uri))
	}
}

// TestFileLists takes the survey from a list.
func TestFileLists(t *testing.T) {
	one := func(name string, change change, want want) mutant {
		return mutant{name: name, change: change, want: want, config: byList}
	}
	unpinned := func(r *filelist.Row) { r.Size, r.ETag = "", "" }
	away := func(words, to string) func([]filelist.Row) []filelist.Row {
		return row(words, func(r *filelist.Row) { unpinned(r); r.URI = to })
	}
	run(t, []mutant{
		one("the list of all", tabled(nothing), right()),
		one("without sizes and tags", tabled(nothing, row("", unpinned)), right()),
		one("of paths below it", tabled(nothing, row("", func(r *filelist.Row) { r.URI = strings.TrimPrefix(r.URI, "mem://euclid/") })), right()),
		one("a DET of a name that says nothing", tabled(anonymous(detFile, "mem://euclid/m/17"), away(detFile, "mem://euclid/m/17")), right()),
		one("a catalogue of a name that says nothing", tabled(anonymous(westCatalog, "mem://euclid/m/17"), away(westCatalog, "mem://euclid/m/17")), right()),
		one("another tile's catalogue", tabled(anonymous(eastCatalog, "mem://euclid/m/17"), away(westCatalog, "mem://euclid/m/17")), refused("m/17", "the file list says tile 102018211", "102018212")),
		one("another tile's mosaic", tabled(anonymous(eastMosaic, "mem://euclid/m/17"), away(westMosaic, "mem://euclid/m/17")), refused("m/17", "the file list says tile 102018211")),
		one("another exposure's BKG", tabled(anonymous("BKG-002681-00-1", "mem://euclid/m/17"), away(bkgFile, "mem://euclid/m/17")), refused("m/17", "the file list says observation 002682", "OBS_ID")),
		one("a row that contradicts the name", tabled(nothing, row(detFile, func(r *filelist.Row) { r.Obs = "002683" })), refused("files.csv", "column obs_id", `the row says "002683", the file's name "002682"`)),
		one("a DET in two rows", tabled(nothing, func(rows []filelist.Row) []filelist.Row {
			i := slices.IndexFunc(rows, func(r filelist.Row) bool { return strings.Contains(r.URI, detFile) })
			twin := rows[i]
			twin.URI = "mem://euclid/m/17"
			return append(rows, twin)
		}), refused("files.csv", "two rows for DET of 002682_00_1")),
		one("a DET that isn't there", tabled(nothing, row(detFile, func(r *filelist.Row) { unpinned(r); r.URI = strings.Replace(r.URI, "/VIS/", "/none/", 1) })), refused("002682_00_1 lacks DET", "can't be had")),
		one("a DET of another size", tabled(nothing, row(detFile, func(r *filelist.Row) { r.Size, r.ETag = "1", "" })), refused("002682_00_1 lacks DET", "the file list says 1")),
		one("a DET that was replaced since", tabled(nothing, row(detFile, func(r *filelist.Row) { r.ETag = "old" })), refused("DET-002682", "a new file list if data.files names one")),
		one("no row of an exposure's BKG", tabled(nothing, without(bkgFile)), refused("002682_00_1 lacks BKG")),
		one("no row of an exposure", tabled(nothing, without("-002682-00-1")), right("-002682-00-1")),
		one("no row of a catalogue", tabled(nothing, without(westCatalog)), refused("102018211")),
		one("a zipped catalogue", tabled(zipped(westCatalog)), right()),
		one("a zipped DET", tabled(zipped(detFile)), refused("002682_00_1 lacks DET", "gunzip it")),
		one("rows of another product", tabled(nothing, func(rows []filelist.Row) []filelist.Row {
			return append(rows, filelist.Row{Product: "FINAL-MORPH-CAT", Tile: "1", URI: "x"})
		}), rightSaying(nil, `another product, not read: 1 .*FINAL-MORPH-CAT`)),
		one("no list", nothing, refused("files.csv")),
	})
}
