package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/cosmostat/constellation/internal/testing/indextest"
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/euclid/quadrants/index"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/sky"
)

// indexErrandEnv holds what a process of its own does to the index.
const indexErrandEnv = "CONSTELLATION_BENCH_INDEX"

// indexErrand is to build the index, to merge into it, or to ask it.
type indexErrand struct {
	Do      string // build, merge or query
	Survey  indextest.Survey
	To      int // exposures that are there
	Scratch string
	Centre  sky.Coord
	Radius  float64
	Answer  string // the file to answer by
}

// indexAnswer is what came of it.
type indexAnswer struct {
	Summary  *index.Summary
	Kept     int // batches that an earlier index has
	Found    []string
	Time     time.Duration // without that of making the footprints
	Lifetime time.Duration // of the process
	CPU      time.Duration // of all its threads, with that of making the footprints
	Usage    objstore.Usage
	Memory   int64 // peak resident set in bytes, the executable's own pages included
}

// send does the errand in a process of its own.
func (e indexErrand) send(b *testing.B) (a indexAnswer) {
	b.Helper()
	e.Answer = filepath.Join(b.TempDir(), "answer.json")
	said, err := json.Marshal(e)
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), os.Args[0], "-test.run", "^TestIndexErrand$", "-test.timeout", "0")
	cmd.Env = append(os.Environ(), indexErrandEnv+"="+string(said))
	start := time.Now()
	complaint, err := cmd.CombinedOutput()
	lifetime := time.Since(start)
	var answer []byte
	if err == nil {
		answer, err = os.ReadFile(e.Answer)
	}
	if err == nil {
		err = json.Unmarshal(answer, &a)
	}
	if err != nil {
		b.Fatalf("%v: %s", err, complaint)
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		a.Memory = usage.Maxrss << 10 // Linux counts in KiB
	}
	a.Lifetime, a.CPU = lifetime, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()
	return a
}

// TestIndexErrand is that process.
func TestIndexErrand(t *testing.T) {
	said := os.Getenv(indexErrandEnv)
	if said == "" {
		t.Skip("only does what BenchmarkIndex asks for")
	}
	var e indexErrand
	if err := json.Unmarshal([]byte(said), &e); err != nil {
		t.Fatal(err)
	}
	a, err := e.do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	answer, err := json.Marshal(a)
	if err == nil {
		err = os.WriteFile(e.Answer, answer, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (e indexErrand) do(ctx context.Context) (a indexAnswer, err error) {
	store, start := objstore.Open(ctx, objstore.Config{}), time.Now()
	var adding time.Duration
	switch e.Do {
	case "build", "merge":
		var batches []index.Batch
		for from := 0; from < e.To; from += perBatch {
			to := min(from+perBatch, e.To)
			batches = append(batches, index.Batch{ID: fmt.Sprint(from, to), First: exposureID(from), Last: exposureID(to - 1)})
		}
		a.Summary, a.Kept, err = index.Update(ctx, store, indexDir, indexURI, e.Scratch, index.Options{}, batches, func(which []int) index.Fill {
			return func(add func([]euclid.Quadrant) error) (err error) {
				begun := time.Now()
				for _, i := range which {
					err = e.Survey.Each(i*perBatch, min((i+1)*perBatch, e.To), func(qs []euclid.Quadrant) error {
						now := time.Now()
						defer func() { adding += time.Since(now) }()
						return add(qs)
					})
					if err != nil {
						break
					}
				}
				start = start.Add(time.Since(begun) - adding)
				return err
			}
		})
	default:
		var x *index.Index
		var qs []euclid.Quadrant
		if x, err = index.Open(ctx, store, indexURI); err == nil {
			qs, err = x.Near(ctx, e.Centre, e.Radius)
		}
		a.Found = names(qs)
	}
	a.Time, a.Usage = time.Since(start), store.Usage()
	return a, err
}

// exposureID is that of the survey's i-th exposure.
func exposureID(i int) euclid.ExposureID {
	return euclid.ExposureID{Obs: fmt.Sprintf("%06d", i/4), Dither: fmt.Sprintf("%02d", i%4), Number: "1"}
}

func names(qs []euclid.Quadrant) (all []string) {
	for _, q := range qs {
		all = append(all, q.Exposure.String()+" "+q.Name)
	}
	slices.Sort(all)
	return all
}

// expect is what a query should find among the first exposures, made of the survey itself.
func (e indexErrand) expect(b *testing.B, to int) []string {
	const field = 1 // degree: more than from a pointing to any quadrant's far corner
	var near []euclid.Quadrant
	for i := range to {
		if sky.Separation(e.Survey.Pointing(i), e.Centre) > e.Radius+field {
			continue
		}
		err := e.Survey.Each(i, i+1, func(qs []euclid.Quadrant) error {
			near = append(near, euclid.Overlapping(qs, e.Centre, e.Radius)...)
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return names(near)
}

// spot is a place on the sky to ask for.
type spot struct {
	name   string
	centre sky.Coord
}

// spots are in the survey: its middle, where new observations go, and, if it is
// large enough, RA 0 and the pole.
func spots(s indextest.Survey, old int) []spot {
	all := []spot{{"middle", s.Centre}, {"edge", s.Pointing(old)}}
	cap := math.Acos(1-s.AreaDeg2*math.Pi/180/360) * 180 / math.Pi
	for _, p := range []spot{{"RA 0", sky.Coord{RA: 0, Dec: 10}}, {"pole", sky.Coord{RA: 0, Dec: 90}}} {
		if sky.Separation(s.Centre, p.centre) < cap-1 {
			all = append(all, p)
		}
	}
	return all
}
