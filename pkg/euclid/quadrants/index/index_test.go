package index_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cosmostat/constellation/internal/testing/indextest"
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/euclid/quadrants/index"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/sky"
)

const (
	rootURI = "mem://survey/index/quadrants.json"
	scratch = "mem://scratch/sort"
)

// small makes many files, groups and spills of few rows.
var small = index.Options{SpillRows: 500, FanIn: 5, FileRows: 1000, GroupRows: 64}

// places are those where coordinates are awkward, and one where they are not.
var places = map[string]sky.Coord{
	"plain": {RA: 57.9, Dec: -51.5}, "RA 0": {RA: 0.05, Dec: 3}, "north pole": {RA: 10, Dec: 89.9}, "south pole": {RA: 200, Dec: -90},
	"corner of the cube": {RA: 45, Dec: 35.264389}, "last face": {RA: 271, Dec: -60},
}

func survey(at sky.Coord) indextest.Survey {
	return indextest.Survey{Exposures: 24, Centre: at, AreaDeg2: 2}
}

// all collects the footprints of some exposures.
func all(t testing.TB, s indextest.Survey, from, to int) (qs []euclid.Quadrant) {
	t.Helper()
	if err := s.Each(from, to, func(some []euclid.Quadrant) error {
		qs = append(qs, some...)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return qs
}

func fill(qs []euclid.Quadrant) index.Fill {
	return func(add func([]euclid.Quadrant) error) error { return add(qs) }
}

func write(t testing.TB, s objstore.Store, uri string, opts index.Options, qs []euclid.Quadrant) *index.Summary {
	t.Helper()
	sum, err := index.Write(t.Context(), s, uri, scratch, opts, fill(qs))
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func near(t testing.TB, r objstore.Reader, uri string, at sky.Coord, radius float64) []euclid.Quadrant {
	t.Helper()
	x, err := index.Open(t.Context(), r, uri)
	if err != nil {
		t.Fatal(err)
	}
	qs, err := x.Near(t.Context(), at, radius)
	if err != nil {
		t.Fatal(err)
	}
	return qs
}

// around is a place within two degrees.
func around(rnd *rand.Rand, at sky.Coord) sky.Coord {
	return sky.NewTangent(at).Deproject(sky.Offset{Xi: 4*rnd.Float64() - 2, Eta: 4*rnd.Float64() - 2})
}

// differ is cmp.Diff, at once where there is nothing to show.
func differ[T any](want, got T) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	return cmp.Diff(want, got)
}

func key(q euclid.Quadrant) string { return q.Exposure.String() + " " + q.Name }

// Every quadrant comes back, its outline to the stated precision and all else exactly.
func TestRowsComeBack(t *testing.T) {
	for name, at := range places {
		want := all(t, survey(at), 0, 8)
		rand.Shuffle(len(want), func(i, j int) { want[i], want[j] = want[j], want[i] })
		want[7].Outline = want[7].Outline[:5] // odd, not a parallelogram
		want[8].BKG, want[8].RMS = euclid.Segment{}, euclid.Segment{Offset: 1, Length: 1 << 40}
		want[9].ExpTime = 89.5
		store := objstore.NewMemory()
		sum := write(t, store, rootURI, small, want)
		got := near(t, store, rootURI, at, 180)
		if sum.Quadrants != int64(len(want)) || sum.Exposures != 8 || sum.Runs != 1 || sum.Files != 2 || len(got) != len(want) {
			t.Errorf("%s: %+v, %d quadrants", name, sum, len(got))
		}
		slices.SortFunc(want, func(a, b euclid.Quadrant) int { return strings.Compare(key(a), key(b)) })
		for i := range got {
			if len(got[i].Outline) != len(want[i].Outline) {
				t.Fatalf("%s: %d points", name, len(got[i].Outline))
			}
			for k, c := range got[i].Outline {
				// Half a unit in each coordinate.
				if d := sky.Separation(c, want[i].Outline[k]); d > 0.71*index.Precision {
					t.Fatalf("%s: a point is %.3g mas off", name, d*3.6e6)
				}
			}
			got[i].Outline = want[i].Outline
		}
		if diff := differ(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%.1000s", name, diff)
		}
	}
}

// A query has what euclid.Overlapping selects from everything.
func TestQueryIsBruteForce(t *testing.T) {
	for name, at := range places {
		t.Run(name, func(t *testing.T) {
			store := objstore.NewMemory()
			write(t, store, rootURI, small, all(t, survey(at), 0, 24))
			everything := near(t, store, rootURI, at, 180)
			rnd, found := rand.New(rand.NewPCG(1, 2)), 0
			for range 20 {
				c, radius := around(rnd, at), rnd.ExpFloat64()*0.4
				want := euclid.Overlapping(everything, c, radius)
				if diff := differ(want, near(t, store, rootURI, c, radius)); diff != "" {
					t.Fatalf("%v, %v degrees (-want +got)\n%.1000s", c, radius, diff)
				}
				found += len(want)
			}
			if found == 0 {
				t.Error("no query found anything")
			}
		})
	}
}

// moved are footprints whose astrometry was worse.
func moved(qs []euclid.Quadrant) []euclid.Quadrant {
	qs = slices.Clone(qs)
	for i := range qs {
		qs[i].Outline, qs[i].SCI.Offset = slices.Clone(qs[i].Outline), 1
		for k := range qs[i].Outline {
			qs[i].Outline[k].Dec += 0.02
		}
	}
	return qs
}

// objects are the contents of a store.
func objects(t testing.TB, s objstore.Store) map[string]string {
	t.Helper()
	m := map[string]string{}
	for _, bucket := range []string{"mem://survey/", "mem://scratch/"} {
		err := s.List(t.Context(), bucket, func(i objstore.Info) error {
			data, err := objstore.ReadFile(t.Context(), s, i.URI)
			m[i.URI] = string(data)
			return err
		})
		if err != nil && fault.CodeOf(err) != objstore.NotFound {
			t.Fatal(err)
		}
	}
	return m
}

// The order in which quadrants come, and the number of spills, leave no trace; nor do the spills.
func TestSameBytesFromManySpills(t *testing.T) {
	qs := all(t, survey(places["plain"]), 0, 24)
	var first map[string]string
	for _, spill := range []int{5000, 144, 61} {
		store, opts := objstore.NewMemory(), small
		opts.SpillRows = spill
		rand.Shuffle(len(qs), func(i, j int) { qs[i], qs[j] = qs[j], qs[i] })
		write(t, store, rootURI, opts, qs)
		got := objects(t, store)
		if first == nil {
			first = got
		}
		if diff := differ(first, got); diff != "" {
			t.Errorf("spills of %d (-want +got)\n%.1000s", spill, diff)
		}
		if len(got) != 4+1+1 {
			t.Errorf("%d objects", len(got))
		}
	}
}

func TestRefusesFootprints(t *testing.T) {
	good := all(t, survey(places["plain"]), 0, 1)
	for name, spoil := range map[string]func(q *euclid.Quadrant){
		"no outline": func(q *euclid.Quadrant) { q.Outline = nil },
		"two points": func(q *euclid.Quadrant) { q.Outline = q.Outline[:2] },
		"all around": func(q *euclid.Quadrant) { q.Outline = []sky.Coord{{RA: 0}, {RA: 90}, {RA: 180}, {RA: 270}} },
		"too large":  func(q *euclid.Quadrant) { q.Outline = []sky.Coord{{RA: 0}, {RA: 20}, {RA: 0, Dec: 20}} },
	} {
		qs := slices.Clone(good)
		spoil(&qs[5])
		_, err := index.Write(t.Context(), objstore.NewMemory(), rootURI, scratch, small, fill(qs))
		if fault.KindOf(err) != fault.BadData || fault.CodeOf(err) != "FootprintOutline" || !strings.Contains(err.Error(), key(good[5])[:11]) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := index.Write(t.Context(), objstore.NewMemory(), rootURI, scratch, small, fill(append(good, good[3])))
	if fault.CodeOf(err) != "FootprintTwice" || !strings.Contains(err.Error(), good[3].Name) {
		t.Errorf("twice: %v", err)
	}
}

// Whatever bit of whatever object is flipped, a query answers as before, or
// says which object is bad: never less, never something else.
func TestDamageIsNamed(t *testing.T) {
	at := places["plain"]
	qs, store := all(t, survey(at), 0, 8), objstore.NewMemory()
	write(t, store, rootURI, small, qs)
	want := near(t, store, rootURI, at, 0.3)
	rnd, refused := rand.New(rand.NewPCG(5, 6)), 0
	for uri, data := range objects(t, store) {
		if strings.HasSuffix(uri, ".gz") || !strings.HasSuffix(uri, ".parquet") {
			continue
		}
		try := func(name string, bad []byte) {
			put(t, store, uri, bad)
			x, err := index.Open(t.Context(), store, rootURI)
			if err != nil {
				t.Fatal(err)
			}
			got, err := x.Near(t.Context(), at, 0.3)
			switch {
			case err == nil && differ(want, got) != "":
				t.Fatalf("%s: a wrong answer", name)
			case err != nil && !strings.Contains(err.Error(), uri):
				t.Fatalf("%s: the file is not named: %v", name, err)
			case err != nil:
				refused++
			}
		}
		for range 60 {
			bad, i := []byte(data), rnd.IntN(len(data))
			bad[i] ^= 1 << rnd.IntN(8)
			try(fmt.Sprintf("byte %d of %d", i, len(bad)), bad)
		}
		try("truncated", []byte(data[:len(data)/2]))
		try("empty", nil)
		try("longer in front", append(bytes.Repeat([]byte{0}, 100), data...))
		put(t, store, uri, []byte(data))
	}
	if refused < 30 {
		t.Errorf("only %d were refused", refused)
	}
	for name, doc := range map[string]string{
		"not JSON": "PAR1", "another document": `{"format":"x"}`, "cut": `{"format":"constellation quadrant index 1","runs":[`,
		"a list without end":  `{"format":"constellation quadrant index 1","runs":[{"exposures":{"uri":"a","size":10000000,"count":1000000000}}]}`,
		"batches without end": `{"format":"constellation quadrant index 1","batches":{"uri":"a","size":10000000,"count":1000000000}}`,
		"a huge footer":       `{"format":"constellation quadrant index 1","runs":[{"files":[{"uri":"a","size":10,"footer":1000000000000}]}]}`,
	} {
		put(t, store, rootURI, []byte(doc))
		_, err := index.Open(t.Context(), store, rootURI)
		if fault.CodeOf(err) != index.CodeCorrupt || !strings.Contains(err.Error(), rootURI) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := index.Open(t.Context(), store, "mem://survey/nowhere.json")
	if fault.CodeOf(err) != objstore.NotFound {
		t.Errorf("a missing one: %v", err)
	}
}

func put(t testing.TB, s objstore.Store, uri string, data []byte) {
	t.Helper()
	if _, err := objstore.WriteFile(t.Context(), s, uri, data); err != nil {
		t.Fatal(err)
	}
}

// A query asks for the root document, the footers and the row groups that the
// circle meets, each once, and no more.
func TestQueryReadsLittle(t *testing.T) {
	at := places["plain"]
	store := &counting{Store: objstore.NewMemory()}
	opts := index.Options{FileRows: 8192, GroupRows: 1024}
	s := indextest.Survey{Exposures: 400, Centre: at, AreaDeg2: 30}
	sum := write(t, store, rootURI, opts, all(t, s, 0, 400))
	if perRow := float64(sum.Bytes) / float64(sum.Quadrants); perRow > 60 {
		t.Errorf("%.1f bytes a row", perRow)
	}
	store.gets, store.bytes = 0, 0
	qs := near(t, store, rootURI, at, 0.4)
	if share := float64(store.bytes) / float64(sum.Bytes); len(qs) < 500 || store.gets > 1+2*4 || share > 0.25 {
		t.Errorf("%d quadrants by %d requests and %.3f of the bytes", len(qs), store.gets, share)
	}
	store.gets = 0
	if qs := near(t, store, rootURI, sky.Coord{RA: 100, Dec: 50}, 0.4); len(qs) != 0 || store.gets != 1 {
		t.Errorf("far away: %d quadrants by %d requests", len(qs), store.gets)
	}
}
