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
func focalPlane() *sparse {
	s := &sparse{}
	pad := func(h *Header, blocks int) *Header {
		for i := 0; len(h.Encode()) < blocks*Block; i++ {
			h.SetInt(fmt.Sprintf("PAD%d", i), int64(i), "")
		}
		return h
	}
	s.add(pad(NewPrimary(), 6), 0)
	for q := range 144 {
		for _, kind := range []string{"SCI", "RMS", "FLG"} {
			bitpix := -32
			if kind == "FLG" {
				bitpix = 32
			}
			name := fmt.Sprintf("%d-%d.%c.%s", q/24+1, q/4%6+1, 'E'+q%4, kind)
			s.add(pad(NewImage(bitpix, 2048, 2066).SetText("EXTNAME", name, ""), 3), 2048*2066*4)
		}
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

// Where only some headers are wanted whole, less is read and the rest is the same.
func TestParallelWhole(t *testing.T) {
	science := func(name string) bool { return strings.HasSuffix(name, ".SCI") }
	const workers = 144
	file := focalPlane()
	want, err := ReadIndex(file, file.size)
	if err != nil {
		t.Fatal(err)
	}
	for name, whole := range map[string]func(string) bool{"some": science, "none": func(string) bool { return false }} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, start := &counted{r: slow{file}}, time.Now()
				got, err := ReadIndexParallel(c, file.size, workers, whole)
				if err != nil {
					t.Fatal(err)
				}
				sameButHeaders(t, got, want, whole)
				if rounds := time.Since(start) / time.Second; rounds > 4 {
					t.Errorf("it took %d rounds", rounds)
				}
				if n := c.bytes.Load(); n > 3e6 {
					t.Errorf("%d bytes read", n)
				}
				if n := c.reads.Load(); n > 433 {
					t.Errorf("%d reads for 433 headers", n)
				}
			})
		})
	}
}

func sameButHeaders(t *testing.T, got, want []*HDU, whole func(string) bool) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d HDUs, want %d", len(got), len(want))
	}
	for i, h := range want {
		g, w := *got[i], *h
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
