package index_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cosmostat/constellation/internal/testing/indextest"
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/euclid/quadrants/index"
	"github.com/cosmostat/constellation/pkg/objstore"
)

const shared = "mem://survey/shared"

// delivery is one exposure as a batch.
type delivery struct {
	id string
	qs []euclid.Quadrant
}

// deliveries are the survey's exposures by number.
func deliveries(t testing.TB, s indextest.Survey) map[int]delivery {
	ds := map[int]delivery{}
	for i := range s.Exposures {
		qs := all(t, s, i, i+1)
		ds[i] = delivery{qs[0].Exposure.String(), qs}
	}
	return ds
}

// worse is a delivery whose astrometry was worse.
func worse(d delivery) delivery { return delivery{d.id + " worse", moved(d.qs)} }

// sorted are the batches in the order of their exposures.
func sorted(ds map[int]delivery) (in []delivery) {
	for _, i := range slices.Sorted(maps.Keys(ds)) {
		in = append(in, ds[i])
	}
	return in
}

func quadrantsOf(ds map[int]delivery) (qs []euclid.Quadrant) {
	for _, d := range sorted(ds) {
		qs = append(qs, d.qs...)
	}
	return qs
}

// update makes the dataset of some deliveries, and says which of them were read.
func update(t testing.TB, s objstore.Store, uri string, opts index.Options, ds map[int]delivery) (sum *index.Summary, read []string) {
	t.Helper()
	return updateIn(t, s, shared, uri, scratch, opts, ds)
}

func updateIn(t testing.TB, s objstore.Store, dir, uri, scratch string, opts index.Options, ds map[int]delivery) (sum *index.Summary, read []string) {
	t.Helper()
	in := sorted(ds)
	batches := make([]index.Batch, len(in))
	for i, d := range in {
		batches[i] = index.Batch{ID: d.id, First: d.qs[0].Exposure, Last: d.qs[0].Exposure}
	}
	sum, kept, err := index.Update(t.Context(), s, dir, uri, scratch, opts, batches, func(which []int) index.Fill {
		read = nil
		return func(add func([]euclid.Quadrant) error) error {
			for _, i := range which {
				read = append(read, in[i].id)
				if err := add(in[i].qs); err != nil {
					return err
				}
			}
			return nil
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if kept != len(in)-len(read) {
		t.Errorf("%d of %d batches were kept, and %d read", kept, len(in), len(read))
	}
	return sum, read
}

// isRebuild holds a dataset to one that is written anew, and that to what it was made of.
func isRebuild(t testing.TB, s objstore.Store, uri string, ds map[int]delivery, rnd *rand.Rand) {
	t.Helper()
	at, qs := places["RA 0"], quadrantsOf(ds)
	anew := objstore.NewMemory()
	write(t, anew, rootURI, small, qs)
	want := near(t, anew, rootURI, at, 180)
	if len(want) != len(qs) {
		t.Fatalf("%d of %d quadrants", len(want), len(qs))
	}
	slices.SortFunc(qs, func(a, b euclid.Quadrant) int { return strings.Compare(key(a), key(b)) })
	for i, q := range want {
		if key(q) != key(qs[i]) || q.SCI != qs[i].SCI || q.PSF != qs[i].PSF {
			t.Fatalf("%s is not %s", key(q), key(qs[i]))
		}
	}
	if diff := differ(want, near(t, s, uri, at, 180)); diff != "" {
		t.Fatalf("%d batches (-want +got)\n%.1000s", len(ds), diff)
	}
	for range 5 {
		c, radius := around(rnd, at), rnd.Float64()/2
		if diff := differ(euclid.Overlapping(want, c, radius), near(t, s, uri, c, radius)); diff != "" {
			t.Fatalf("%v (-want +got)\n%.1000s", c, diff)
		}
	}
}

// TestUpdateIsRebuild: whatever came, went or changed between two datasets, in
// whatever order, answers are those of one that is made anew, only what is new is
// read, and equal histories give equal bytes.
func TestUpdateIsRebuild(t *testing.T) {
	every := deliveries(t, survey(places["RA 0"]))
	rounds := uint64(3)
	if testing.Short() {
		rounds = 1
	}
	for round := range rounds {
		build := func(check bool) map[string]string {
			rnd, store := rand.New(rand.NewPCG(3, round)), objstore.NewMemory()
			now := map[int]delivery{}
			order := rnd.Perm(24)
			for step := 0; len(order) > 0; step++ {
				before := map[string]bool{}
				for _, d := range now {
					before[d.id] = true
				}
				n := 1 + rnd.IntN(min(len(order), 1<<rnd.IntN(5)))
				for _, i := range order[:n] {
					now[i] = every[i]
					if rnd.IntN(4) == 0 {
						now[i] = worse(every[i])
					}
				}
				order = order[n:]
				if step > 0 && rnd.IntN(2) == 0 { // one is mended, another vanishes
					is := slices.Sorted(maps.Keys(now))
					mended, gone := is[rnd.IntN(len(is))], is[rnd.IntN(len(is))]
					now[mended] = every[mended]
					if len(now) > 1 {
						delete(now, gone)
						order = append(order, gone)
					}
				}
				sum, read := update(t, store, rootURI, small, now)
				if sum.Exposures != len(now) || sum.Quadrants != int64(144*len(now)) || sum.Runs > 5 {
					t.Errorf("round %d, step %d: %+v of %d exposures", round, step, sum, len(now))
				}
				var fresh []string
				for _, d := range sorted(now) {
					if !before[d.id] {
						fresh = append(fresh, d.id)
					}
				}
				if len(read) != len(now) && !slices.Equal(read, fresh) { // all, or what is new
					t.Errorf("round %d, step %d: %q were read, %q are new", round, step, read, fresh)
				}
				if check {
					isRebuild(t, store, rootURI, now, rnd)
				} else {
					for range 5 { // what isRebuild takes
						around(rnd, places["RA 0"])
						rnd.Float64()
					}
				}
			}
			return objects(t, store)
		}
		if diff := differ(build(true), build(false)); diff != "" {
			t.Errorf("round %d: the same steps give other objects (-first +second)\n%.1000s", round, diff)
		}
	}
}

// large has one run that small additions leave alone.
func large(t *testing.T) (store *objstore.Memory, every, now map[int]delivery) {
	store, every, now = objstore.NewMemory(), deliveries(t, survey(places["RA 0"])), map[int]delivery{}
	for i := range 20 {
		now[i] = every[i]
	}
	update(t, store, rootURI, small, now)
	return store, every, now
}

// TestUpdateReadsNoOldRun: of an earlier dataset, what is not rewritten is not
// read: its root document, its batches' ids and its exposures are.
func TestUpdateReadsNoOldRun(t *testing.T) {
	store, every, now := large(t)
	old := store.Usage()
	now[20] = every[20]
	sum, read := update(t, store, rootURI, small, now)
	if sum.Runs != 2 || !slices.Equal(read, []string{every[20].id}) {
		t.Errorf("%+v, %q were read", sum, read)
	}
	did := store.Usage()
	// A listing, three small reads, the spill written, read and removed; a file and
	// two lists looked for and written; two root documents.
	if n, b := did.Requests-old.Requests, did.BytesRead-old.BytesRead; n > 20 || b > sum.Bytes/4 {
		t.Errorf("%d requests, %d bytes read of a dataset of %d", n, b, sum.Bytes)
	}
	before := store.Usage()
	if _, read := update(t, store, rootURI, small, now); len(read) > 0 {
		t.Errorf("nothing is new, and %q were read", read)
	}
	if n := store.Usage().Requests - before.Requests; n > 10 {
		t.Errorf("nothing is new, and that took %d requests", n)
	}
	isRebuild(t, store, rootURI, now, rand.New(rand.NewPCG(7, 8)))
}

// TestUpdateAfterDamage: an earlier dataset that is not whole, or of another
// version, is not gone on from.
func TestUpdateAfterDamage(t *testing.T) {
	name := func(store objstore.Store, suffix string) string {
		found := ""
		for uri := range objects(t, store) {
			if strings.HasPrefix(uri, shared) && strings.HasSuffix(uri, suffix) && (suffix != ".json" || !strings.HasSuffix(uri, "z")) {
				found = uri
			}
		}
		return found
	}
	for what, damage := range map[string]func(s *objstore.Memory){
		"file gone":    func(s *objstore.Memory) { s.Delete(t.Context(), name(s, ".parquet")) },
		"file cut":     func(s *objstore.Memory) { put(t, s, name(s, ".parquet"), []byte("PAR1")) },
		"list gone":    func(s *objstore.Memory) { s.Delete(t.Context(), name(s, ".batches.json.gz")) },
		"root cut":     func(s *objstore.Memory) { put(t, s, name(s, ".json"), []byte(`{"format":"constell`)) },
		"root gone":    func(s *objstore.Memory) { s.Delete(t.Context(), name(s, ".json")) },
		"next version": func(s *objstore.Memory) { replace(t, s, name(s, ".json"), "index 1", "index 2") },
		"list garbled": func(s *objstore.Memory) {
			uri := name(s, ".batches.json.gz")
			put(t, s, uri, make([]byte, len(objects(t, s)[uri])))
		},
		"exposures garbled": func(s *objstore.Memory) {
			uri := name(s, ".exposures.json.gz")
			put(t, s, uri, make([]byte, len(objects(t, s)[uri])))
		},
		// What is merged with what is new is read, and held to its checksums.
		"rows garbled": func(s *objstore.Memory) {
			for uri, data := range objects(t, s) {
				if strings.HasSuffix(uri, ".parquet") {
					bad := []byte(data)
					bad[len(bad)/3] ^= 1
					put(t, s, uri, bad)
				}
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			store, every, now := objstore.NewMemory(), deliveries(t, survey(places["RA 0"])), map[int]delivery{}
			for i := range 8 {
				now[i] = every[i]
			}
			update(t, store, rootURI, small, now)
			damage(store)
			for i := range 14 { // so many that all is merged
				now[i] = every[i]
			}
			if _, read := update(t, store, rootURI, small, now); len(read) != len(now) {
				t.Errorf("%d of %d batches were read", len(read), len(now))
			}
			isRebuild(t, store, rootURI, now, rand.New(rand.NewPCG(1, 1)))
		})
	}
}

func replace(t testing.TB, s objstore.Store, uri, from, to string) {
	t.Helper()
	put(t, s, uri, []byte(strings.Replace(objects(t, s)[uri], from, to, 1)))
}

// TestMuchGone: a dataset that would hide much is made anew.
func TestMuchGone(t *testing.T) {
	store, _, now := large(t)
	for i := range 2 {
		delete(now, i)
	}
	if _, read := update(t, store, rootURI, small, now); len(read) != len(now) {
		t.Errorf("%d of %d batches were read", len(read), len(now))
	}
	isRebuild(t, store, rootURI, now, rand.New(rand.NewPCG(1, 1)))
}

// TestWritersAtOnce: writers don't wait for each other, and each has its own
// answer; who comes next goes on from the one that has most.
func TestWritersAtOnce(t *testing.T) {
	store, every, now := large(t)
	t.Run("writers", func(t *testing.T) {
		for i := range 4 {
			mine := maps.Clone(now)
			for k := range 4 - i {
				mine[20+(i+k)%4] = every[20+(i+k)%4]
			}
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				uri := fmt.Sprintf("mem://survey/run-%d/quadrants.json", i)
				updateIn(t, store, shared, uri, scratch+fmt.Sprint(i), small, mine)
				isRebuild(t, store, uri, mine, rand.New(rand.NewPCG(2, uint64(i))))
			})
		}
	})
	if _, read := update(t, store, rootURI, small, every); len(read) > 1 {
		t.Errorf("%q were read, though each of four lacks one or two", read)
	}
	isRebuild(t, store, rootURI, every, rand.New(rand.NewPCG(1, 1)))
}

// TestOldGoes: what is kept does not grow with the nights, datasets of the last
// month can be read, and what isn't a dataset's is left alone.
func TestOldGoes(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED with -short: 120 updates, one after the other")
	}
	every := deliveries(t, indextest.Survey{Exposures: 48, Centre: places["RA 0"], AreaDeg2: 2})
	synctest.Test(t, func(t *testing.T) {
		store, now := objstore.NewMemory(), map[int]delivery{}
		const theirs, unknown = shared + "/notes.json", shared + "/x.parquet"
		put(t, store, theirs, []byte("{}"))
		put(t, store, unknown, []byte("PAR1"))
		root := func(night int) string { return fmt.Sprintf("mem://survey/run-%d/quadrants.json", night) }
		for night := range 120 {
			switch { // one comes each night; from some time on nothing does but mended ones
			case night < 48:
				now[night] = every[night]
			default:
				i := night % 48
				now[i] = delivery{fmt.Sprintf("%s again %d", every[i].id, night), every[i].qs}
			}
			update(t, store, root(night), small, now)
			time.Sleep(24 * time.Hour)
		}
		have := objects(t, store)
		roots, files := 0, 0
		for uri := range have {
			switch {
			case !strings.HasPrefix(uri, shared):
			case strings.HasSuffix(uri, ".json"):
				roots++
			default:
				files++
			}
		}
		// A night makes a root document, two lists and a file or more.
		if roots > 34 || files > 31*(2+7) {
			t.Errorf("after 120 nights there are %d root documents and %d files", roots, files)
		}
		if have[theirs] == "" || have[unknown] == "" {
			t.Error("somebody's own was removed")
		}
		for night := 91; night < 120; night++ {
			if qs := near(t, store, root(night), places["RA 0"], 180); len(qs) != 48*144 {
				t.Errorf("the dataset of night %d has %d quadrants", night, len(qs))
			}
		}
		isRebuild(t, store, root(119), now, rand.New(rand.NewPCG(1, 1)))

		// A year's pause takes nothing from the newest, and it is gone on from.
		time.Sleep(365 * 24 * time.Hour)
		isRebuild(t, store, root(119), now, rand.New(rand.NewPCG(1, 1)))
		now[0] = every[0]
		if _, read := update(t, store, root(120), small, now); len(read) != 1 {
			t.Errorf("after a year %d batches were read", len(read))
		}
		// While one root document can't be read, nobody knows what is of use.
		put(t, store, shared+"/"+strings.Repeat("0", 64)+".json", []byte("{}"))
		time.Sleep(40 * 24 * time.Hour)
		before := len(objects(t, store))
		now[1] = every[1]
		update(t, store, root(121), small, now)
		if after := len(objects(t, store)); after <= before {
			t.Errorf("%d objects became %d", before, after)
		}
	})
}
