package mutants

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/euclid/filelist"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// The parts of detFile once it is in three files, by what their names hold.
const (
	sciPart = detFile + "__20241019T183217.130044Z_sci.fits"
	rmsPart = detFile + "__20241019T183217.130044Z_rms.fits"
	flgPart = detFile + "__20241019T183217.130044Z_flg.fits"
	newTime = "20991019T000000.000000Z"
	oldTime = "20001019T000000.000000Z"
)

// planesOf sorts a DET's HDUs by plane, each file with the primary HDU; bare leaves
// the plane off their names.
func planesOf(t *testing.T, data []byte, bare bool) map[string][]byte {
	t.Helper()
	index, err := fits.ReadIndex(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, plane := range []string{"sci", "rms", "flg"} {
		files[plane] = slices.Clone(data[:index[0].End()])
	}
	for _, h := range index[1:] {
		plane := strings.ToLower(h.Name[len("3-4.F."):])
		one := slices.Clone(data[h.Offset:h.End()])
		if bare {
			at := cardAt(one[:h.HeaderSize], "EXTNAME")
			copy(one[at:], padded("EXTNAME = '"+h.Name[:len("3-4.F")]+"   '"))
		}
		files[plane] = append(files[plane], one...)
	}
	return files
}

// inThree puts an exposure's DET there as Q2 has it, in three files of its time.
func inThree(file string, bare, keep bool) change {
	return func(t *testing.T, k *kept) {
		uri := k.Find("euclid", file)
		for plane, data := range planesOf(t, get(t, k, uri), bare) {
			put(t, k, partURI(uri, plane), data)
		}
		if !keep {
			k.Remove(uri)
		}
	}
}

// partURI is the name of a DET's part, without the last number.
func partURI(uri, plane string) string {
	return strings.TrimSuffix(strings.Replace(uri, "-0000000__", "__", 1), ".fits") + "_" + plane + ".fits"
}

// retime gives a part another time; the time of the file is found in its name.
func retime(part, to string) change {
	return func(t *testing.T, k *kept) {
		uri := k.Find("euclid", part)
		put(t, k, uri[:strings.Index(uri, "__")+2]+to+uri[strings.LastIndex(uri, "_"):], get(t, k, uri))
		k.Remove(uri)
	}
}

// moveAll gives files other URIs.
func moveAll(words string, to func(dir, base string) string) change {
	return func(t *testing.T, k *kept) {
		for _, uri := range k.FindAll("mem://euclid/q1/VIS/", words) {
			base := objstore.Base(uri)
			next := to(strings.TrimSuffix(uri, base), base)
			if next != uri {
				put(t, k, next, get(t, k, uri))
				k.Remove(uri)
			}
		}
	}
}

// flat leaves the directories of observations out.
func flat(t *testing.T, k *kept) {
	moveAll("", func(_, base string) string { return "mem://euclid/q1/VIS/" + base })(t, k)
}

// dither gives the exposure another dither, by names and headers.
func dither(name string, number int) change {
	return func(t *testing.T, k *kept) {
		for _, uri := range k.FindAll("euclid", "-002682-00-1") {
			data := slices.Clone(get(t, k, uri))
			raw := header(t, data, "", "DITHOBS")
			copy(raw[cardAt(raw, "DITHOBS"):], padded(fmt.Sprintf("DITHOBS = %20d", number)))
			put(t, k, strings.Replace(uri, "-002682-00-1", "-002682-"+name+"-1", 1), data)
			k.Remove(uri)
		}
	}
}

// of makes a change and then others on the exposure in three files.
func split(changes ...change) change {
	return all(append([]change{inThree(detFile, false, false)}, changes...)...)
}

// TestForms changes in what form VIS is there.
func TestForms(t *testing.T) {
	other := func(t *testing.T, k *kept) []byte { return get(t, k, k.Find("euclid", "DET-002681-00-1", "20241018")) }
	another := func(part, plane string) change {
		return func(t *testing.T, k *kept) { put(t, k, k.Find("euclid", part), planesOf(t, other(t, k), false)[plane]) }
	}
	swap := func(a, b string) change {
		return func(t *testing.T, k *kept) {
			x, y := k.Find("euclid", a), k.Find("euclid", b)
			dx, dy := get(t, k, x), get(t, k, y)
			put(t, k, x, dy)
			put(t, k, y, dx)
		}
	}
	run(t, join(
		// In three files.
		one("in three", split(), right()),
		one("in three, bare names", inThree(detFile, true, false), right()),
		one("both in three", all(split(), inThree("DET-002681-00-1-0000000__20241018", false, false)), right()),
		one("beside the combined", inThree(detFile, false, true), rightSaying(nil, `combined and in three files, and is taken once: 1`)),
		one("newer than the combined, which is garbled", all(inThree(detFile, false, true), retime("_sci", newTime), retime("_rms", newTime), retime("_flg", newTime),
			edit(detFile+"-0000000", func(*testing.T, []byte) []byte { return []byte("garbled") })), rightSaying(nil, "older deliveries of VIS files, not taken: 2")),
		one("older than the combined, and garbled", all(inThree(detFile, false, true), retime("_sci", oldTime), retime("_rms", oldTime), retime("_flg", oldTime), cut("_sci", 0.1)), right()),
		one("newer than the combined, without rms", all(inThree(detFile, false, true), retime("_sci", newTime), remove("_rms"), retime("_flg", newTime)),
			rightSaying(nil, `without the others of their time, not taken: 2 .*there is no _rms of the same time`)),
		one("newer than the combined, rms older", all(inThree(detFile, false, true), retime("_sci", newTime), retime("_rms", oldTime), retime("_flg", newTime)),
			rightSaying(nil, `not taken: 2 .*there is no _rms of the same time`)),
		one("a garbled combined beside, of the same time and compressed", all(inThree(detFile, false, true), zipped(detFile+"-0000000")), right()),
		one("parts in directories of their own", split(moveAll("_rms", func(dir, base string) string { return dir + "rms/" + base })), right()),
		one("a part twice", split(func(t *testing.T, k *kept) {
			uri := k.Find("euclid", "_rms.fits")
			put(t, k, strings.Replace(uri, "/VIS/", "/VIS/0/", 1), []byte("a copy that nobody reads"))
		}), rightSaying(nil, "older deliveries of VIS files, not taken: 2")),
		one("with a release", split(moveAll(detFile, func(dir, base string) string { return dir + strings.Replace(base, "Z_", "Z_01.00_", 1) })), right()),
		one("an older release beside", split(func(t *testing.T, k *kept) {
			for _, uri := range k.FindAll("euclid", detFile) {
				put(t, k, strings.Replace(uri, "Z_", "Z_01.00_", 1), get(t, k, uri))
				put(t, k, uri, []byte("of no release: garbled"))
			}
		}), right()),
		one("sci elsewhere than the PSF", split(moveAll("_sci", func(dir, base string) string { return dir + "sci/" + base })), refused("lacks PSF", "beside its DET")),

		// A part that is missing, or of another delivery.
		atFault("no rms", split(remove("_rms.fits")), "lacks DET", "no _rms of the same time"),
		atFault("no flg", split(remove("_flg.fits")), "lacks DET", "no _flg of the same time"),
		atFault("no sci", split(remove("_sci.fits")), "lacks DET", "no _sci of the same time"),
		atFault("sci alone", split(remove("_rms.fits"), remove("_flg.fits")), "lacks DET", "no _rms and no _flg of the same time"),
		atFault("rms is older", split(retime("_rms", oldTime)), "lacks DET", "no _rms of the same time", "is of another delivery", "deliver the three files of one time"),
		atFault("flg is newer", split(retime("_flg", newTime)), "lacks DET", "no _sci and no _rms of the same time"),
		atFault("a compressed part", split(zipped("_flg.fits")), "lacks DET", `_flg\.fits\.gz.*gunzip`),
		atFault("a part half copied", split(rename("_rms.fits", ".fits", ".fits.part")), "lacks DET", `_rms\.fits\.part.* is no whole file`),
		atFault("a part's letters", split(rename("_rms.fits", "_rms", "_RMS")), "lacks DET", `its part is "RMS", not sci, rms or flg`),

		// A part that is another file.
		atFault("rms of another exposure", split(another("_rms.fits", "rms")), "_rms.fits", "OBS_ID is 2681"),
		atFault("sci of another exposure", split(another("_sci.fits", "sci")), "_sci.fits", "OBS_ID is 2681"),
		atFault("flg of another exposure", split(another("_flg.fits", "flg")), "_flg.fits", "OBS_ID is 2681"),
		atFault("rms of another dither", split(card("_rms.fits", "", "DITHOBS", "DITHOBS =                    3")), "_rms.fits", "DITHOBS is 3"),
		atFault("flg of a short exposure", split(card("_flg.fits", "", "EXPNUM", "EXPNUM  =                    2")), "_flg.fits", "EXPNUM is 2"),
		atFault("rms and sci are swapped", split(swap("_rms.fits", "_sci.fits")), "_sci.fits", "it is RMS, the file's name says SCI"),
		atFault("flg and rms are swapped", split(swap("_rms.fits", "_flg.fits")), "_rms.fits", "it is FLG, the file's name says RMS"),
		atFault("flg and rms are swapped, bare names", all(inThree(detFile, true, false), swap("_rms.fits", "_flg.fits")), "_rms.fits", "BITPIX is 32, the file's name says RMS"),
		atFault("sci is the combined file", func(t *testing.T, k *kept) {
			whole := slices.Clone(get(t, k, k.Find("euclid", detFile)))
			split()(t, k)
			put(t, k, k.Find("euclid", "_sci.fits"), whole)
		}, "_sci.fits", "it is RMS, the file's name says SCI"),
		atFault("an rms cut short", split(cut("_rms.fits", 0.6)), "_rms.fits", "incomplete"),
		atFault("a sci cut short", split(cut("_sci.fits", 0.6)), "_sci.fits", "incomplete"),
		atFault("an flg of nothing", split(cut("_flg.fits", 0)), "_flg.fits", "empty"),
		one("an rms that lacks a quadrant", split(card("_rms.fits", "1-1.F.RMS", "EXTNAME", "EXTNAME = '9-9.F.RMS'")), refused("_rms.fits", `1-1\.F\.RMS`)),
		one("an rms with a quadrant twice", split(card("_rms.fits", "1-1.F.RMS", "EXTNAME", "EXTNAME = '1-1.E.RMS'")), refused("_rms.fits", `1-1\.[EF]\.RMS`)),
		atFault("an flg with a wrong CHECKSUM", split(card("_flg.fits", "1-2.E.FLG", "PRESCAN", "CHECKSUM= 'AAAAAAAAAAAAAAAA'")), "_flg.fits", `1-2\.E\.FLG`, "CHECKSUM"),
		atFault("a singular CD in sci", split(card("_sci.fits", "1-1.F.SCI", "CD1_1", "CD1_1   = 0.0"), card("_sci.fits", "1-1.F.SCI", "CD1_2", "CD1_2   = 0.0")), "_sci.fits", "1-1.F.SCI"),
		one("a sci whose bare names are those of another file", all(inThree(detFile, true, false), card("_rms.fits", "1-1.F", "EXTNAME", "EXTNAME = '1-1.F.RMS'")), right()),

		// Names.
		one("flat", flat, right()),
		one("flat and in three", all(split(), flat), right()),
		one("dither 143", dither("143", 143), right()),
		one("dither 143 in three", all(dither("143", 143), inThree("DET-002682-143-1", false, false)), right()),
		one("dither 99 and 100", all(dither("99", 99)), right()),
		one("dither 43 in three digits", dither("043", 43), right()),
		one("a dither of three digits that the header denies", dither("143", 43), refused("DET-002682-143", "DITHOBS is 43")),
		one("a dither of four digits", dither("1043", 1043), rightSaying([]string{"-002682-1043-"}, `almost those of products, not read: 2 .*its dither is ..1043.., not two or three digits`)),
		one("a DET without the Z", rename(detFile, "Z.fits", ".fits"), refused("002682_00_1 lacks DET", `its time is "[^"]*", not a time like`)),
		one("a DET of a short observation number", rename(detFile, "-002682-", "-2682-"), refused("002682_00_1 lacks DET", `its observation is ..2682.., not six digits`)),
		one("names that nobody knows", all(place("VIS/EUC_VIS_SWL-CAT-002682-00-1__x.fits", []byte("x")), place("VIS/notes.txt", []byte("x"))),
			rightSaying(nil, `VIS files that are not understood: \d`, "notes.txt")),
		one("a name in small letters beside", place("VIS/2682/euc_vis_swl-det-002682-00-1__20991019t000000z.fits", []byte("x")),
			rightSaying(nil, "its letters are not those of EUC_VIS_SWL-DET-002682-00-1__20991019T000000Z")),
	))
}

// TestFormsByList takes DETs in three files from a file list.
func TestFormsByList(t *testing.T) {
	one := func(name string, change change, want want) mutant {
		return mutant{name: name, change: change, want: want, config: byList}
	}
	anonymousParts := func(t *testing.T, k *kept) {
		for i, part := range []string{"_sci.fits", "_rms.fits", "_flg.fits"} {
			anonymous(part, fmt.Sprintf("mem://euclid/m/%d", i))(t, k)
		}
	}
	unnamed := func(rows []filelist.Row) []filelist.Row {
		for i, part := range []string{"_sci.fits", "_rms.fits", "_flg.fits"} {
			rows = row(part, func(r *filelist.Row) { r.Size, r.ETag, r.URI = "", "", fmt.Sprintf("mem://euclid/m/%d", i) })(rows)
		}
		return rows
	}
	run(t, []mutant{
		one("in three", tabled(split()), right()),
		one("in three, of names that say nothing", tabled(all(split(), anonymousParts), unnamed), right()),
		one("beside the combined", tabled(inThree(detFile, false, true)), rightSaying(nil, "combined and in three files")),
		one("no row of rms", tabled(split(), without("_rms.fits")), refused("002682_00_1 lacks DET", "no _rms of the same time")),
		one("rms is older", tabled(split(retime("_rms", oldTime))), refused("002682_00_1 lacks DET", "no _rms of the same time")),
		one("rms isn't there", tabled(split(), row("_rms.fits", func(r *filelist.Row) { r.Size, r.ETag = "", ""; r.URI = "mem://euclid/m/none" })), refused("002682_00_1 lacks DET", "none", "can't be had")),
		one("rms of a name that says nothing", tabled(all(split(), anonymousParts), row("_rms.fits", func(r *filelist.Row) { r.Size, r.ETag, r.URI = "", "", "mem://euclid/m/1" })), right()),
		one("sci and flg of names that say nothing, rms older than the combined", tabled(all(inThree(detFile, false, true), retime("_rms", oldTime), anonymousParts),
			row("_sci.fits", func(r *filelist.Row) { r.Size, r.ETag, r.URI = "", "", "mem://euclid/m/0" }), row("_flg.fits", func(r *filelist.Row) { r.Size, r.ETag, r.URI = "", "", "mem://euclid/m/2" })), right()),
		one("rms half copied", tabled(split(), row("_rms.fits", func(r *filelist.Row) { r.URI += ".part" })), refused("002682_00_1 lacks DET", `_rms\.fits\.part.* is no whole file`)),
		one("a BKG half copied", tabled(nothing, row(bkgFile, func(r *filelist.Row) { r.URI += ".part" })), refused("002682_00_1 lacks BKG", `\.fits\.part.* is no whole file`)),
		one("a row with another part than the name's", tabled(split(), row("_rms.fits", func(r *filelist.Row) { r.Part = "flg" }), without("_flg.fits")), refused("files.csv", "column part", `the row says "flg", the file's name "rms"`)),
		one("the planes of unnamed files are swapped", tabled(all(split(), anonymousParts), unnamed, func(rows []filelist.Row) []filelist.Row {
			for i := range rows {
				switch rows[i].Part {
				case "rms":
					rows[i].Part = "sci"
				case "sci":
					rows[i].Part = "rms"
				}
			}
			return rows
		}), refused("m/1", "it is RMS, the file list says SCI")),
	})
}
