package mutants

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"

	"github.com/cosmostat/constellation/pkg/columnar"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/survey"
)

// form writes a sub-tile's sources again as another writer might: in another order,
// in groups of so many rows, with other encodings.
func form(order func([]results.Source), group int, props ...parquet.WriterProperty) change {
	return func(t *testing.T, k *kept) {
		outcomeOf(t, k, func(o *survey.Outcome) {
			rows, err := results.LoadSources(t.Context(), k.Memory, o.Sources)
			if err != nil {
				t.Fatal(err)
			}
			order(rows)
			var b bytes.Buffer
			out, err := columnar.NewWriter(&b, results.SourceColumns(), props...)
			for len(rows) > 0 && err == nil {
				n := min(group, len(rows))
				err, rows = out.Group(rows[:n]), rows[n:]
			}
			if err == nil {
				err = out.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
			o.Sources = file(t, k, o.Sources.URI, b.Bytes())
		})
	}
}

func asIs([]results.Source) {}

// eachSource changes the rows, and what is counted of them.
func eachSource(change func(shear *results.Shear, s *results.Source, i int)) change {
	return measured(func(shear *results.Shear, sources []results.Source) []results.Source {
		for i := range sources {
			change(shear, &sources[i], i)
		}
		return sources
	})
}

// outline changes the manifest that results are held to.
func outline(change func(m *manifest.Manifest)) change {
	return product(survey.LocalManifestFile, func(d []byte) []byte {
		m, err := manifest.Read(bytes.NewReader(d))
		if err != nil {
			panic(err)
		}
		change(m)
		var b bytes.Buffer
		if err := manifest.Write(&b, m); err != nil {
			panic(err)
		}
		return b.Bytes()
	})
}

// TestAssembly changes what assembly reads: rows that break the contract fail their
// sub-tile by column and row, and forms that keep it change nothing.
func TestAssembly(t *testing.T) {
	zero, one, inf, minus := new(float32), new(float32(1)), new(float32(math.Inf(1))), new(float32(-1))
	const second = 1. / 3600
	same := func(name string, c change) mutant {
		return mutant{name: name, change: c, from: atAssembly, want: right()}
	}
	run(t, []mutant{
		same("sources the other way round", form(slices.Reverse, 1<<20, parquet.WithDictionaryDefault(false), parquet.WithCompression(compress.Codecs.Snappy))),
		same("sources in many groups", form(asIs, 3, parquet.WithDictionaryDefault(false))),
		same("sources with dictionaries", form(asIs, 1<<20, parquet.WithDictionaryDefault(true), parquet.WithCompression(compress.Codecs.Zstd))),
		same("sources in pages of version 2", form(slices.Reverse, 7, parquet.WithDataPageVersion(parquet.DataPageV2), parquet.WithCompression(compress.Codecs.Gzip))),
		same("sources in small pages", form(asIs, 1<<20, parquet.WithDictionaryDefault(false), parquet.WithDataPageSize(16), parquet.WithBatchSize(2))),
		same("a centre that was rounded", shearRow(func(s *results.Shear) { s.RA, s.Dec = float64(float32(s.RA)), float64(float32(s.Dec)) })),
		same("a manifest in other YAML", product(survey.LocalManifestFile, func(d []byte) []byte {
			return append([]byte("# by hand\n"), bytes.ReplaceAll(d, []byte("core_source_ids: ["), []byte("core_source_ids:   [ "))...)
		})),

		broken("a shear of one", shearRow(func(s *results.Shear) { s.G1, s.G2 = one, zero }), "shear.parquet", "G1 and G2, row 0"),
		broken("an error of nothing", shearRow(func(s *results.Shear) { s.G2Err = zero }), "G2_ERR, row 0: is not positive"),
		broken("an error without end", shearRow(func(s *results.Shear) { s.G1Err = inf }), "G1_ERR, row 0: is not finite"),
		broken("a convergence without end", shearRow(func(s *results.Shear) { s.Convergence = inf }), "CONVERGENCE, row 0"),
		broken("a centre two arc seconds off", shearRow(func(s *results.Shear) { s.Dec += 2 * second }), "RA and DEC, row 0"),
		broken("a method where nothing was measured", shearRow(func(s *results.Shear) {
			*s = results.Shear{TileID: s.TileID, Row: s.Row, Col: s.Col, RA: s.RA, Dec: s.Dec, Status: survey.StatusNoSources, Method: "guess"}
		}), "METHOD, row 0"),
		broken("one source fewer counted", shearRow(func(s *results.Shear) { s.NSources-- }), "N_SOURCES, row 0"),
		broken("a flag that isn't counted", eachSource(func(_ *results.Shear, s *results.Source, i int) {
			if i == 1 {
				s.Flags = 1 << 20
			}
		}), "N_SOURCES, row 0"),
		broken("a source's error of nothing", eachSource(func(_ *results.Shear, s *results.Source, i int) {
			if i == 2 {
				s.E1Err = zero
			}
		}), "sources.parquet", "E1_ERR, row 2: is not positive"),
		broken("a source's error below zero", sourceRow(func(s *results.Source) { s.FluxErr = minus }), "FLUX_ERR, row 0"),
		broken("a flux without end", sourceRow(func(s *results.Source) { s.Flux = inf }), "FLUX, row 0"),
		broken("exposures below zero", sourceRow(func(s *results.Source) { s.NExposures = -1 }), "N_EXPOSURES, row 0"),
		broken("a source of another tile", sourceRow(func(s *results.Source) { s.TileID = east }), "TILE_ID, row 0"),
		broken("a source in another row", sourceRow(func(s *results.Source) { s.Row = 1 }), "SUBTILE_ROW, row 0"),
		broken("a source beyond the core's edge", eachSource(func(_ *results.Shear, s *results.Source, i int) {
			if i == 3 {
				s.Dec -= 0.3
			}
		}), "RA and DEC, row 3", "outside the sub-tile's core"),
		broken("a source on the other side of the sky", sourceRow(func(s *results.Source) { s.RA, s.Dec = math.Mod(s.RA+180, 360), -s.Dec }), "RA and DEC, row 0"),
		broken("a right ascension of 360", sourceRow(func(s *results.Source) { s.RA = 360 }), "RA, row 0"),
		broken("a core without one of its sources", outline(func(m *manifest.Manifest) { m.Core = m.Core[1:] }), `OBJECT_ID, row \d`, "not a core source"),
		broken("no manifest", gone(survey.LocalManifestFile), survey.LocalManifestFile),
		broken("a manifest of nothing", product(survey.LocalManifestFile, words("")), survey.LocalManifestFile),
	})
}
