package mutants

import (
	"bytes"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/survey"
)

// remanifest changes the local manifest of the sub-tile's directory.
func remanifest(how func(m *manifest.Manifest)) change {
	return product(survey.LocalManifestFile, func(d []byte) []byte {
		m, err := manifest.Read(bytes.NewReader(d))
		if err != nil {
			panic(err)
		}
		how(m)
		var b bytes.Buffer
		if err := manifest.Write(&b, m); err != nil {
			panic(err)
		}
		return b.Bytes()
	})
}

// remade is the directory as another run of its name made it, from something else.
func remade(plan string) change {
	return all(remanifest(func(m *manifest.Manifest) { m.Plan = plan }), product(survey.ProvenanceFile, func(d []byte) []byte {
		at := bytes.Index(d, []byte(`"plan": "`)) + len(`"plan": "`)
		return append(append(append([]byte{}, d[:at]...), plan...), d[at+64:]...)
	}))
}

// whose says that the run's directory is another configuration's.
func whose(document any) change {
	return func(_ *testing.T, k *kept) { k.Save(survey.IdentityURI(k.Settings.Destination.RunURI), document) }
}

// neighbour puts a file of the sub-tile beside it into the sub-tile's directory.
func neighbour(file string) change {
	return func(t *testing.T, k *kept) {
		put(t, k, "mem://"+theSubTile+file, get(t, k, "mem://products/r1/102018211/0_0/"+file))
	}
}

var another = strings.Repeat("0", 64)

// TestWhose changes whose products a directory, a document or results are.
func TestWhose(t *testing.T) {
	const newRun = "a new run, under another --run-id"
	taken := func(name string, from stage, document any) mutant {
		return mutant{name: name, from: from, change: whose(document), want: refused("the run holds what another configuration made", "mem://products/r1", "use another --run-id")}
	}
	run(t, []mutant{
		taken("another configuration's run, at assembly", atAssembly, survey.Identity{ConfigID: another}),
		taken("another grid's run, at assembly", atAssembly, survey.NewIdentity(another, keptAt(t, atAssembly, "").Settings.Source, keptAt(t, atAssembly, "").Settings.Tiling, "strict", "reference")),
		taken("another configuration's run", atListing, survey.Identity{ConfigID: another}),
		{name: "a run of nobody knows whom", from: atListing, want: refused("identity.json", "--run-id"), change: whose(map[string]string{"x": "y"})},
		{name: "an older run of another configuration", from: atListing, want: refused("the run holds what another configuration made", "--run-id"), change: func(_ *testing.T, k *kept) {
			k.Save(survey.RunURI(k.Settings.Destination.RunURI), survey.Run{RunID: "r1", ConfigID: another})
		}},
		{name: "an older run of the same configuration", from: atListing, want: right(), change: func(_ *testing.T, k *kept) {
			k.Save(survey.RunURI(k.Settings.Destination.RunURI), survey.Run{RunID: "r1", ConfigID: k.Settings.Destination.ConfigID})
		}},
		{name: "a run that says itself whose it is", from: atInference, want: right(), change: func(_ *testing.T, k *kept) {
			k.Remove(survey.IdentityURI(k.Settings.Destination.RunURI))
		}},

		altered("a directory made from something else", remade(another), "made from 000000000000", "start a new run, under another --run-id"),
		altered("a manifest of an older version", remanifest(func(m *manifest.Manifest) { m.Plan = "" }), "an older version", "start a new run, under another --run-id"),
		altered("another core", remanifest(func(m *manifest.Manifest) { m.Core = m.Core[1:] }), "not the one that preparation wrote"),
		altered("another centre in the manifest", remanifest(func(m *manifest.Manifest) { m.Centre[0] += 0.1 }), "not the one that preparation wrote"),
		altered("a quadrant less", remanifest(func(m *manifest.Manifest) { m.Quadrants = m.Quadrants[1:] }), "not the one that preparation wrote"),
		altered("a file less in the list", remanifest(func(m *manifest.Manifest) { m.Files = m.Files[1:] }), "not the one that preparation wrote"),
		{name: "prepared.json without a plan", from: atInference, want: refused("prepared.json", "older version", "new run"), change: func(_ *testing.T, k *kept) {
			p := k.tiles[0].Document
			doc := *p
			doc.Plan = ""
			k.Save(k.tiles[0].Prepared.URI, doc)
		}},

		broken("replaced since it was inferred", remade(another), survey.Replaced, newRun),
		broken("being made again", gone(survey.LocalManifestFile), "not complete any more", newRun),
		broken("no word of what it was made from", gone(survey.ProvenanceFile), "gone or damaged", newRun),
		broken("a directory of somebody else", product(survey.ProvenanceFile, words(`{"plan": ""}`)), survey.Replaced, newRun),
		broken("an outcome inferred from something else", outcome(func(o *survey.Outcome) { o.Plan = another }), "something else than was prepared", newRun),
		broken("an outcome of another configuration's run", outcome(func(o *survey.Outcome) { o.ConfigID = another }), "under configuration 000000000000", newRun),
		broken("an outcome of an older version", outcome(func(o *survey.Outcome) { o.Plan = "" }), "an older version", newRun),
		broken("an outcome of another directory", outcome(func(o *survey.Outcome) { o.Directory = strings.Replace(o.Directory, "/r1/", "/r2/", 1) }), "the outcome is of", newRun),
		broken("a summary of other products", product("results/summary.json", words(`{"plan": "`+another+`"}`)), "summary.json", "plan", newRun),
		broken("a neighbour's sources", neighbour("results/sources.parquet"), "sources.parquet", newRun),
		broken("a neighbour's centre", shearRow(func(s *results.Shear) { s.RA -= 0.0117 }), "centre"),
		broken("RA and DEC changed places", shearRow(func(s *results.Shear) { s.RA, s.Dec = 52, 52 }), "centre"),
		broken("a method in capitals", shearRow(func(s *results.Shear) { s.Method = "MOCK" }), "METHOD"),
		broken("the reference engine's method", shearRow(func(s *results.Shear) { s.Method = "reference" }), "METHOD", "mock"),
		{name: "a centre that is rounded", from: atAssembly, want: right(), change: shearRow(func(s *results.Shear) { s.RA, s.Dec = float64(float32(s.RA)), float64(float32(s.Dec)) })},
		{name: "the newest release is another one in another storage base", from: atAssembly, want: refused(`of release "00.00" of the MER products, these are of "01.00"`, "data.release"), change: func(t *testing.T, k *kept) {
			if err := k.assemble(); err != nil {
				t.Fatal(err)
			}
			shearRow(func(s *results.Shear) { *s.G1 += 0.01 })(t, k)
			k.assembly.Release = "01.00"
		}},
		{name: "a summary that says no more", from: atAssembly, want: right(), change: product("results/summary.json", words(`{}`))},
		{name: "no summary", from: atAssembly, want: right(), change: gone("results/summary.json")},
		{name: "the products of a whole tile are gone", from: atAssembly, want: failing(4, "directory is gone", newRun), change: func(_ *testing.T, k *kept) {
			for _, uri := range k.FindAll("products/r1/102018211/") {
				if objstore.Base(uri) != "shear.parquet" && objstore.Base(uri) != "sources.parquet" {
					k.Remove(uri)
				}
			}
		}},
	})
}
