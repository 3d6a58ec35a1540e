package mutants

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"testing"

	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/survey"
)

// theSubTile is the one whose results are changed, the west's 0_1.
const theSubTile = "products/r1/102018211/0_1/"

// outcome is the document that says what became of it.
func outcomeOf(t *testing.T, k *kept, change func(o *survey.Outcome)) {
	t.Helper()
	uri := k.assembly.Outcomes[0][1].URI
	o, err := survey.Load[survey.Outcome](t.Context(), k.Memory, uri)
	if err != nil {
		t.Fatal(err)
	}
	change(o)
	k.Save(uri, o)
}

func outcome(change func(o *survey.Outcome)) func(*testing.T, *kept) {
	return func(t *testing.T, k *kept) { outcomeOf(t, k, change) }
}

// measured writes other results, as an engine or somebody later might have, and
// an outcome that says of them what is there.
func measured(change func(shear *results.Shear, sources []results.Source) []results.Source) change {
	return func(t *testing.T, k *kept) {
		outcomeOf(t, k, func(o *survey.Outcome) {
			shear, err := results.LoadShear(t.Context(), k.Memory, o.Shear)
			if err != nil {
				t.Fatal(err)
			}
			sources, err := results.LoadSources(t.Context(), k.Memory, o.Sources)
			if err != nil {
				t.Fatal(err)
			}
			sources = change(&shear[0], sources)
			var a, b bytes.Buffer
			if err := results.WriteShear(&a, shear); err != nil {
				t.Fatal(err)
			}
			if err := results.WriteSources(&b, sources); err != nil {
				t.Fatal(err)
			}
			o.Shear, o.Sources = file(t, k, o.Shear.URI, a.Bytes()), file(t, k, o.Sources.URI, b.Bytes())
		})
	}
}

// shearRow changes the one row of shear.parquet.
func shearRow(change func(s *results.Shear)) change {
	return measured(func(s *results.Shear, sources []results.Source) []results.Source { change(s); return sources })
}

// sourceRow changes the first row of sources.parquet.
func sourceRow(change func(s *results.Source)) change {
	return measured(func(_ *results.Shear, sources []results.Source) []results.Source { change(&sources[0]); return sources })
}

func file(t *testing.T, k *kept, uri string, data []byte) survey.File {
	t.Helper()
	put(t, k, uri, data)
	sum := sha256.Sum256(data)
	return survey.File{URI: uri, Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:])}
}

// product gives a file of the sub-tile's directory other bytes.
func product(name string, change func(data []byte) []byte) change {
	return func(t *testing.T, k *kept) {
		uri := "mem://" + theSubTile + name
		put(t, k, uri, change(get(t, k, uri)))
	}
}

func gone(name string) change {
	return func(_ *testing.T, k *kept) { k.Remove("mem://" + theSubTile + name) }
}

func words(text string) func([]byte) []byte { return func([]byte) []byte { return []byte(text) } }

// broken is a sub-tile that fails at assembly, alone.
func broken(name string, c change, patterns ...string) mutant {
	return mutant{name: name, change: c, from: atAssembly, want: failing(1, append([]string{"0_1"}, patterns...)...)}
}

// TestResults changes what inference left.
func TestResults(t *testing.T) {
	nan, two, minus := float32(math.NaN()), float32(2), float32(-0.1)
	run(t, []mutant{
		{name: "nothing", change: nothing, from: atAssembly, want: right()},
		broken("a result cut short", product("results/shear.parquet", func(d []byte) []byte { return d[:len(d)/2] }), "shear.parquet"),
		broken("a result of nothing", product("results/shear.parquet", words("")), "shear.parquet"),
		broken("a page in the place of a result", product("results/sources.parquet", words("<html>")), "sources.parquet"),
		broken("a result that is gone", gone("results/shear.parquet"), "shear.parquet", "a new run, under another --run-id, makes the tile again"),
		broken("sources that are gone", gone("results/sources.parquet"), "sources.parquet"),
		broken("a neighbour's result", func(t *testing.T, k *kept) {
			put(t, k, "mem://"+theSubTile+"results/shear.parquet", get(t, k, "mem://products/r1/102018211/0_0/results/shear.parquet"))
		}, "shear.parquet"),
		broken("results that changed places", func(t *testing.T, k *kept) {
			outcomeOf(t, k, func(o *survey.Outcome) {
				for _, f := range []*survey.File{&o.Shear, &o.Sources} {
					other := get(t, k, "mem://products/r1/102018211/0_0/results/"+objstore.Base(f.URI))
					*f = file(t, k, f.URI, other)
				}
			})
		}, "shear.parquet"),
		broken("another tile", shearRow(func(s *results.Shear) { s.TileID = east }), "shear.parquet"),
		broken("another row", shearRow(func(s *results.Shear) { s.Row = 1 }), "shear.parquet"),
		broken("another centre", shearRow(func(s *results.Shear) { s.RA += 0.01 }), "RA"),
		broken("another declination", shearRow(func(s *results.Shear) { s.Dec += 0.01 }), "Dec|DEC|centre"),
		broken("a centre that is no number", shearRow(func(s *results.Shear) { s.RA = math.NaN() }), "RA"),
		broken("another method", shearRow(func(s *results.Shear) { s.Method = "nuts" }), "METHOD|method"),
		broken("a method that nobody knows", shearRow(func(s *results.Shear) { s.Method = "guess" }), "METHOD|method"),
		broken("a status that nobody knows", shearRow(func(s *results.Shear) { s.Status = "fine" }), "STATUS|status"),
		broken("no measurement, and ok", shearRow(func(s *results.Shear) { s.G1 = nil }), "G1"),
		broken("a measurement, and no sources", shearRow(func(s *results.Shear) { s.Status = survey.StatusNoSources }), "STATUS|status"),
		broken("a shear that is no number", shearRow(func(s *results.Shear) { s.G1 = &nan }), "G1"),
		broken("a shear beyond one", shearRow(func(s *results.Shear) { s.G2 = &two }), "G2|shear"),
		broken("an error below zero", shearRow(func(s *results.Shear) { s.G1Err = &minus }), "G1_ERR"),
		broken("another number of sources", shearRow(func(s *results.Shear) { s.NSources += 3 }), "N_SOURCES|sources"),
		broken("a source of another sub-tile", sourceRow(func(s *results.Source) { s.Col = 0 }), "sources.parquet"),
		broken("a source that is not in the core", sourceRow(func(s *results.Source) { s.ObjectID = 12345 }), "12345"),
		broken("a source elsewhere", sourceRow(func(s *results.Source) { s.RA = 12 }), "sources.parquet"),
		broken("a source twice", measured(func(_ *results.Shear, s []results.Source) []results.Source { return append(s, s[0]) }), "twice|sources"),
		broken("sources without end", measured(func(_ *results.Shear, s []results.Source) []results.Source {
			all := make([]results.Source, 3_000_000)
			for i := range all {
				all[i] = s[0]
			}
			return all
		}), "sources.parquet"),
		broken("an outcome of another sub-tile", outcome(func(o *survey.Outcome) { o.Row = 1 }), "outcome"),
		broken("an outcome of another tile's files", outcome(func(o *survey.Outcome) {
			o.Shear.URI = "mem://products/r1/102018212/0_1/results/shear.parquet"
		}), "shear.parquet"),
		broken("an outcome of another configuration", product("results/summary.json", func(d []byte) []byte {
			return bytes.Replace(d, []byte(`"config_id"`), []byte(`"config_id": "another", "was"`), 1)
		}), "config|summary.json"),
		{name: "an outcome that is no JSON", from: atAssembly, want: refused("JSON|json"), change: func(t *testing.T, k *kept) {
			put(t, k, k.assembly.Outcomes[0][1].URI, []byte("<html>"))
		}},
		{name: "a tile that failed keeps the others", from: atAssembly, want: failing(1, "0_1", survey.Lost), change: func(_ *testing.T, k *kept) {
			k.assembly.Outcomes[0][1] = nil
		}},
	})
}

// altered is a directory that is not what preparation left: its sub-tile fails, alone.
func altered(name string, c change, patterns ...string) mutant {
	return mutant{name: name, change: c, from: atInference, want: failing(1, append([]string{"0_1"}, patterns...)...)}
}

// TestDirectories changes what data preparation left, as a later run or a hand may.
func TestDirectories(t *testing.T) {
	run(t, []mutant{
		{name: "nothing", change: nothing, from: atInference, want: right()},
		altered("a directory that is gone", func(_ *testing.T, k *kept) {
			for _, uri := range k.FindAll(theSubTile) {
				k.Remove(uri)
			}
		}, "prepare"),
		altered("a directory without its mark", gone(survey.LocalManifestFile), "prepare"),
		altered("a manifest that is no YAML", product(survey.LocalManifestFile, words("{[")), survey.LocalManifestFile),
		altered("a manifest of nothing", product(survey.LocalManifestFile, words("")), survey.LocalManifestFile),
		altered("a manifest without an end", product(survey.LocalManifestFile, words("files: "+string(bytes.Repeat([]byte("["), 1<<20)))), survey.LocalManifestFile),
		altered("a neighbour's manifest", func(t *testing.T, k *kept) {
			put(t, k, "mem://"+theSubTile+survey.LocalManifestFile, get(t, k, "mem://products/r1/102018211/0_0/"+survey.LocalManifestFile))
		}, survey.LocalManifestFile+"|0_0"),
		altered("a catalogue that is gone", gone(survey.CatalogFile), survey.CatalogFile),
		altered("a catalogue with another byte", product(survey.CatalogFile, func(d []byte) []byte { d[len(d)-2000] ^= 1; return d }), survey.CatalogFile),
		altered("a catalogue cut short", product(survey.CatalogFile, func(d []byte) []byte { return d[:2880] }), survey.CatalogFile),
		altered("pixels with another byte", func(t *testing.T, k *kept) {
			uri := k.FindAll(theSubTile, "exposures/", "_sci.fits")[0]
			data := get(t, k, uri)
			data[len(data)-5000] ^= 1
			put(t, k, uri, data)
		}, "_sci.fits"),
		altered("pixels that are gone", func(_ *testing.T, k *kept) { k.Remove(k.FindAll(theSubTile, "exposures/", "_bkg.fits")[0]) }, "_bkg.fits"),
		altered("a PSF of nothing", func(t *testing.T, k *kept) { put(t, k, k.FindAll(theSubTile, "psf/")[0], nil) }, "_psf.fits"),
		altered("core sources of another grid", product(survey.LocalManifestFile, func(d []byte) []byte {
			m, err := manifest.Read(bytes.NewReader(d))
			if err != nil || len(m.Core) == 0 {
				panic(err)
			}
			m.Core = m.Core[:1]
			var b bytes.Buffer
			if err := manifest.Write(&b, m); err != nil {
				panic(err)
			}
			return b.Bytes()
		}), survey.LocalManifestFile+"|prepare"),
		{name: "prepared.json of another tile", from: atInference, want: refused("102018212|tile"), change: func(t *testing.T, k *kept) {
			put(t, k, k.tiles[0].Prepared.URI, get(t, k, k.tiles[1].Prepared.URI))
		}},
	})
}
