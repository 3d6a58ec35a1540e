package fits

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// counted counts the reads of a file.
type counted struct {
	r       io.ReaderAt
	reads   atomic.Int64
	bytes   atomic.Int64
	failAt  int64 // fails reads that touch this byte, where not 0
	failure error
}

func (c *counted) ReadAt(p []byte, off int64) (int, error) {
	c.reads.Add(1)
	c.bytes.Add(int64(len(p)))
	if c.failAt > 0 && off <= c.failAt && c.failAt < off+int64(len(p)) {
		return 0, c.failure
	}
	return c.r.ReadAt(p, off)
}

// sparse is a file of which only the headers exist; the rest reads as zeros.
type sparse struct {
	size    int64
	offsets []int64
	headers [][]byte
}

func (s *sparse) add(h *Header, data int64) {
	raw := h.Encode()
	s.offsets, s.headers = append(s.offsets, s.size), append(s.headers, raw)
	s.size += int64(len(raw)) + Pad(data)
}

func (s *sparse) ReadAt(p []byte, off int64) (int, error) {
	n := len(p)
	if off+int64(n) > s.size {
		n = int(max(s.size-off, 0))
	}
	clear(p[:n])
	i, _ := slices.BinarySearch(s.offsets, off+1)
	for i = max(i-1, 0); i < len(s.offsets) && s.offsets[i] < off+int64(n); i++ {
		if from := s.offsets[i] - off; from >= 0 {
			copy(p[from:n], s.headers[i])
		} else if -from < int64(len(s.headers[i])) {
			copy(p[:n], s.headers[i][-from:])
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// focalPlane is a full-size DET file as VIS has it: a primary of 6 blocks, then
// SCI, RMS and FLG of 144 quadrants, each of 3 blocks and 17 MB.
func focalPlane() *sparse { return planeOf(quadrantHDUs()) }

// extension is one of a file to be made.
type extension struct {
	name   string
	blocks int // of the header
	bitpix int
}

func quadrantHDUs() (all []extension) {
	for q := range 144 {
		for _, kind := range []string{"SCI", "RMS", "FLG"} {
			bitpix := -32
			if kind == "FLG" {
				bitpix = 32
			}
			all = append(all, extension{fmt.Sprintf("%d-%d.%c.%s", q/24+1, q/4%6+1, 'E'+q%4, kind), 3, bitpix})
		}
	}
	return all
}

func planeOf(extensions []extension) *sparse {
	s := &sparse{}
	pad := func(h *Header, blocks int) *Header {
		for i := 0; len(h.Encode()) < blocks*Block; i++ {
			h.SetInt(fmt.Sprintf("PAD%d", i), int64(i), "")
		}
		return h
	}
	s.add(pad(NewPrimary(), 6), 0)
	for _, x := range extensions {
		s.add(pad(NewImage(x.bitpix, 2048, 2066).SetText("EXTNAME", x.name, ""), x.blocks), 2048*2066*int64(max(x.bitpix, -x.bitpix)/8))
	}
	return s
}

func TestScanFocalPlane(t *testing.T) {
	file := focalPlane()
	if file.size != 7315678080 {
		t.Errorf("the file has %d bytes, a real one 7315678080", file.size)
	}
	c := &counted{r: file}
	all, err := ReadIndex(c, file.size)
	if err != nil || len(all) != 433 {
		t.Fatal(len(all), err)
	}
	if h := all[14]; h.Name != "1-2.E.RMS" || h.Kind != "IMAGE" || h.Index != 14 || h.DataSize != 16924672 || h.Length() != 16934400 || h.Offset != 17280+13*16934400 {
		t.Errorf("%+v", h)
	}
	if n := c.reads.Load(); n > 433 {
		t.Errorf("%d reads for 433 headers", n)
	}
	if n := c.bytes.Load(); n > 433*3*Block+200e3 {
		t.Errorf("%d bytes read", n)
	}
	// Only as far as asked.
	c = &counted{r: file}
	seen := 0
	err = Scan(c, file.size, func(h *HDU) (bool, error) { seen++; return h.Index < 1, nil })
	if err != nil || seen != 2 || c.reads.Load() != 1 {
		t.Errorf("%d HDUs by %d reads, %v", seen, c.reads.Load(), err)
	}
	stop := errors.New("stop")
	if err := Scan(c, file.size, func(*HDU) (bool, error) { return true, stop }); err != stop {
		t.Error(err)
	}
	c = &counted{r: file}
	parallel, err := ReadIndexParallel(c, file.size, 64, nil)
	if err != nil || !reflect.DeepEqual(parallel, all) {
		t.Errorf("the parallel index differs: %v", err)
	}
	if n := c.reads.Load(); n > 433 {
		t.Errorf("%d reads for 433 headers", n)
	}
}

// Where each read takes as long, the index of n like HDUs takes little more
// than n/workers of them.
func TestParallelRounds(t *testing.T) {
	const workers = 64
	synctest.Test(t, func(t *testing.T) {
		file, start := focalPlane(), time.Now()
		all, err := ReadIndexParallel(slow{file}, file.size, workers, nil)
		if err != nil || len(all) != 433 {
			t.Fatal(len(all), err)
		}
		if rounds := time.Since(start) / time.Second; rounds > 1+(431+workers-1)/workers {
			t.Errorf("it took %d rounds", rounds)
		}
	})
}

// Where only some headers are wanted whole, less is read and the rest is the
// same, whatever the order and the sizes.
func TestParallelWhole(t *testing.T) {
	const workers = 144
	science := func(name string) bool { return strings.HasSuffix(name, ".SCI") }
	none := func(string) bool { return false }
	usual := quadrantHDUs()
	changed := func(change func(all []extension) []extension) []extension { return change(slices.Clone(usual)) }
	for name, c := range map[string]struct {
		extensions    []extension
		whole         func(string) bool
		reads, rounds int64
	}{
		"some": {usual, science, 160, 3},
		"none": {usual, none, 433, 4},
		"of three sizes": {changed(func(all []extension) []extension {
			for i := range all {
				all[i].blocks = []int{4, 2, 3}[i%3]
				all[i].bitpix = []int{-32, -64, 8}[i%3]
			}
			return all
		}), science, 190, 8},
		"science last": {changed(func(all []extension) []extension {
			for i := 0; i < len(all); i += 3 {
				all[i], all[i+2] = all[i+2], all[i]
			}
			return all
		}), science, 300, 5},
		"one kind after the other": {changed(func(all []extension) []extension {
			slices.SortStableFunc(all, func(a, b extension) int { return strings.Compare(b.name[6:], a.name[6:]) })
			return all
		}), science, 600, 8},
		"shuffled": {changed(func(all []extension) []extension {
			rand.New(rand.NewPCG(1, 2)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			return all
		}), science, 700, 8},
		"of another size in the middle": {changed(func(all []extension) []extension {
			all[200].bitpix = 8
			return all
		}), science, 250, 8},
		"one more in the middle": {changed(func(all []extension) []extension {
			return slices.Insert(all, 200, extension{"EXTRA", 3, -32})
		}), science, 600, 8},
		"one less in the middle": {changed(func(all []extension) []extension {
			return slices.Delete(all, 200, 201)
		}), science, 600, 8},
		"of another order from the middle on": {changed(func(all []extension) []extension {
			for i := 201; i < len(all); i += 3 {
				all[i], all[i+1] = all[i+1], all[i]
			}
			return all
		}), science, 600, 8},
	} {
		t.Run(name, func(t *testing.T) {
			file := planeOf(c.extensions)
			want, err := ReadIndex(file, file.size)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				r, start := &counted{r: slow{file}}, time.Now()
				got, err := ReadIndexParallel(r, file.size, workers, c.whole)
				if err != nil {
					t.Fatal(err)
				}
				sameButHeaders(t, got, want, c.whole)
				rounds := int64(time.Since(start) / time.Second)
				t.Logf("%d reads of %d bytes in %d rounds", r.reads.Load(), r.bytes.Load(), rounds)
				if r.reads.Load() > c.reads || rounds > c.rounds || r.bytes.Load() > 3e6 {
					t.Errorf("expected at most %d reads of 3 MB in %d rounds", c.reads, c.rounds)
				}
			})
		})
	}
}

// Of what is not read, no more than the place is presumed; what is wanted, and
// what is alone in its place, has its name and its header.
func TestParallelPresumes(t *testing.T) {
	science := func(name string) bool { return strings.HasSuffix(name, ".SCI") }
	all := quadrantHDUs()
	all[200], all[199] = all[199], all[200] // the FLG and the RMS of one quadrant
	file := planeOf(all)
	got, err := ReadIndexParallel(file, file.size, 144, science)
	if err != nil {
		t.Fatal(err)
	}
	presumed := 0
	for i, h := range got[1:] {
		if h.Like == nil {
			if h.Name != all[i].name || (h.Header != nil) != science(h.Name) {
				t.Errorf("HDU %d is %+v", i+1, h)
			}
			continue
		}
		presumed++
		if h.Name != "" || h.Header != nil || science(all[i].name) || h.Like.Like != nil || (h.Index-h.Like.Index)%3 != 0 {
			t.Errorf("HDU %d is presumed to be %+v", i+1, h)
		}
	}
	if presumed < 270 {
		t.Errorf("%d of 288 are presumed", presumed)
	}
}

// sameButHeaders holds HDUs to those that a walk found.
func sameButHeaders(t *testing.T, got, want []*HDU, whole func(string) bool) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d HDUs, want %d", len(got), len(want))
	}
	for i, h := range want {
		g, w := *got[i], *h
		if g.Like != nil {
			if whole(w.Name) || g.Index != i || g.Offset != w.Offset || g.End() != w.End() || g.Kind != w.Kind {
				t.Fatalf("HDU %d is presumed to be %+v, is %+v", i, g, w)
			}
			continue
		}
		if i > 0 && !whole(w.Name) {
			w.Header = nil
		}
		if !reflect.DeepEqual(g, w) {
			t.Fatalf("HDU %d is %+v, want %+v", i, g, w)
		}
	}
}

// slow is a file each read of which takes a second.
type slow struct{ io.ReaderAt }

func (s slow) ReadAt(p []byte, off int64) (int, error) {
	time.Sleep(time.Second)
	return s.ReaderAt.ReadAt(p, off)
}

// A file whose sizes only seem to repeat costs about as many reads in vain as it has HDUs.
func TestParallelVain(t *testing.T) {
	const n, workers = 400, 64
	rng := rand.New(rand.NewPCG(7, 8))
	s := &sparse{}
	s.add(NewPrimary(), 0)
	for i := range n {
		size := Block * (1 + rng.IntN(2))
		s.add(NewImage(8, size).SetText("EXTNAME", fmt.Sprint(i), ""), int64(size))
	}
	c := &counted{r: s}
	all, err := ReadIndexParallel(c, s.size, workers, nil)
	if err != nil || len(all) != n+1 {
		t.Fatal(len(all), err)
	}
	if reads := c.reads.Load(); reads > 2*n+2*workers {
		t.Errorf("%d reads for %d HDUs", reads, n)
	}
}

// randomFile is a file with a pattern of sizes that breaks here and there.
func randomFile(rng *rand.Rand) *sparse {
	s := &sparse{}
	s.add(NewPrimary(), 0)
	pattern := make([]int, 1+rng.IntN(4))
	for i, large := range rng.Perm(len(pattern)) {
		pattern[i] = rng.IntN(4)*1500 + large%2*largeData
	}
	for i := range rng.IntN(60) {
		n := pattern[i%len(pattern)]
		if rng.IntN(12) == 0 {
			n = rng.IntN(20000)
		}
		h := NewImage(8, n).SetText("EXTNAME", fmt.Sprint(i), "")
		for j := range rng.IntN(2) * rng.IntN(2) * rng.IntN(400) {
			h.SetInt(fmt.Sprintf("K%d", j), int64(j), "")
		}
		s.add(h, int64(n))
	}
	return s
}

func TestParallelIsSequential(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for i := range 400 {
		file := randomFile(rng)
		size := file.size
		if i%4 == 0 { // and with a file that is cut, or that has junk inside
			size -= rng.Int64N(size/2 + 1)
			file.size = size
		}
		if i%7 == 0 {
			j := rng.IntN(len(file.headers))
			copy(file.headers[j][rng.IntN(Block):], "\x00\x00\x00\x00")
		}
		want, wantErr := ReadIndex(file, size)
		got, err := ReadIndexParallel(file, size, rng.IntN(20), nil)
		if fmt.Sprint(err) != fmt.Sprint(wantErr) {
			t.Fatalf("file %d: error %v, want %v", i, err, wantErr)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("file %d: %d HDUs, want %d", i, len(got), len(want))
		}
		turn := 1 + rng.IntN(4)
		whole := func(name string) bool {
			n, err := strconv.Atoi(name)
			return err == nil && n%turn == 0
		}
		got, err = ReadIndexParallel(file, size, 2+rng.IntN(20), whole)
		if err == nil && wantErr == nil {
			sameButHeaders(t, got, want, whole)
		} else if i%7 != 0 && fmt.Sprint(err) != fmt.Sprint(wantErr) { // junk behind the first block may go unseen
			t.Fatalf("file %d: error %v, want %v", i, err, wantErr)
		}
	}
}
