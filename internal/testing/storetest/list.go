package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cosmostat/constellation/pkg/objstore"
)

func list(t *testing.T, s Store, base string) {
	keys := []string{"VIS/2681/a.fits", "VIS/2681/b.fits", "VIS/2682/c.fits", "VIS/26", "VISX/d.fits", "MER/1/e.fits"}
	for _, k := range keys {
		write(t, s, objstore.Join(base, k), []byte(k))
	}
	for prefix, want := range map[string][]string{
		"VIS/":          {"VIS/26", "VIS/2681/a.fits", "VIS/2681/b.fits", "VIS/2682/c.fits"},
		"VIS":           {"VIS/26", "VIS/2681/a.fits", "VIS/2681/b.fits", "VIS/2682/c.fits", "VISX/d.fits"},
		"VIS/26":        {"VIS/26", "VIS/2681/a.fits", "VIS/2681/b.fits", "VIS/2682/c.fits"},
		"VIS/2681":      {"VIS/2681/a.fits", "VIS/2681/b.fits"},
		"VIS/2681/b":    {"VIS/2681/b.fits"},
		"MER/1/e.fits":  {"MER/1/e.fits"},
		"MER/1/e.fits/": nil,
		"WISE/":         nil,
		"WISE/a/b/c":    nil,
	} {
		for i := range want {
			want[i] = objstore.Join(base, want[i])
		}
		used := measure(s)
		if got := listed(t, s, objstore.Join(base, prefix)); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", prefix, got, want)
		}
		if _, many := s.(reading); many {
			continue
		}
		if got := used(); got.Requests != 1 {
			t.Errorf("listing %s used %+v", prefix, got)
		}
	}
	err := s.List(t.Context(), objstore.Join(base, "VIS/2682/"), func(i objstore.Info) error {
		stat, err := s.Stat(t.Context(), i.URI)
		if err != nil || stat.Size != i.Size || stat.ETag != i.ETag || stat.Modified.Unix() != i.Modified.Unix() {
			t.Errorf("List says %+v, Stat %+v, %v", i, stat, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// listOrder compares with the order of whole keys byte by byte, which a walk
// of directories name by name does not have: '-' and '.' sort before '/'.
func listOrder(t *testing.T, s Store, base string) {
	var want []string
	for _, k := range []string{"a-b", "a.b/c", "a/b.c", "a/b/c", "a0", "ab/c", "a b/c", "A/z", "é"} {
		want = append(want, objstore.Join(base, k))
	}
	for _, i := range rand.New(rand.NewPCG(1, 1)).Perm(len(want)) {
		write(t, s, want[i], nil)
	}
	slices.Sort(want)
	if got := listed(t, s, base+"/"); !slices.Equal(got, want) {
		t.Errorf("listed\n%q, want\n%q", got, want)
	}
}

func listStops(t *testing.T, s Store, base string) {
	for i := range 5 {
		write(t, s, objstore.Join(base, fmt.Sprint(i)), nil)
	}
	enough, n := errors.New("enough"), 0
	err := s.List(t.Context(), base+"/", func(objstore.Info) error {
		if n++; n == 2 {
			return enough
		}
		return nil
	})
	if n != 2 || !errors.Is(err, enough) {
		t.Errorf("visited %d, returned %v", n, err)
	}
}

// names that want escaping somewhere, and must come through as they are.
func names(t *testing.T, s Store, base string) {
	var want []string
	for _, k := range []string{"a b", "a+b", "a%20b", "a#b", "a?b=c", "a&b", "ü/ñ", "a'b\"c", "(1)*!", "x=1,y=2;z", "~t", "a:b@c", ".hidden", "a\\b", "[x]{y}", "$1"} {
		uri := objstore.Join(base, k)
		want = append(want, uri)
		write(t, s, uri, []byte(k))
		if got := read(t, s, uri, "", objstore.Whole); string(got) != k {
			t.Errorf("%q holds %q", k, got)
		}
	}
	slices.Sort(want)
	if got := listed(t, s, base+"/"); !slices.Equal(got, want) {
		t.Errorf("listed\n%q, want\n%q", got, want)
	}
	for _, uri := range want {
		if err := s.Delete(t.Context(), uri); err != nil {
			t.Error(err)
		}
	}
	if got := listed(t, s, base+"/"); len(got) != 0 {
		t.Errorf("left: %q", got)
	}
}

func readerAt(t *testing.T, s Store, base string) {
	data := Bytes(8, 10_000)
	info := write(t, s, objstore.Join(base, "x"), data)
	r := objstore.ReaderAt(t.Context(), s, info)
	used := measure(s)
	p := make([]byte, 2880)
	if n, err := r.ReadAt(p, 5000); n != len(p) || err != nil || !bytes.Equal(p, data[5000:7880]) {
		t.Errorf("ReadAt: %d, %v", n, err)
	}
	if n, err := r.ReadAt(p, 9000); n != 1000 || err != io.EOF || !bytes.Equal(p[:n], data[9000:]) {
		t.Errorf("ReadAt over the end: %d, %v", n, err)
	}
	if got := used(); got.Requests != 2 || got.BytesRead != 3880 {
		t.Errorf("two ReadAt used %+v", got)
	}
	if n, err := r.ReadAt(p, 10_000); n != 0 || err != io.EOF {
		t.Errorf("ReadAt at the end: %d, %v", n, err)
	}
	if _, err := r.ReadAt(p, -1); err == nil {
		t.Error("ReadAt at a negative offset succeeds")
	}
	write(t, s, info.URI, Bytes(9, 10_001))
	if _, err := r.ReadAt(p, 0); err == nil {
		t.Error("ReadAt of a replaced object succeeds")
	}
}

// window walks an object as a reader of FITS headers does.
func window(t *testing.T, s Store, base string) {
	data := Bytes(10, 1<<20)
	info := write(t, s, objstore.Join(base, "x"), data)
	r := objstore.Window(objstore.ReaderAt(t.Context(), s, info), info.Size, 64<<10)
	used := measure(s)
	block := make([]byte, 2880)
	for _, off := range []int64{0, 2880, 5760, 300_000, 302_880, 300_000} {
		if n, err := r.ReadAt(block, off); n != len(block) || err != nil || !bytes.Equal(block, data[off:off+2880]) {
			t.Errorf("at %d: %d, %v", off, n, err)
		}
	}
	if got := used(); got.Requests != 2 || got.BytesRead != 2*64<<10 {
		t.Errorf("two windows used %+v", got)
	}
	big := make([]byte, 100_000)
	if n, err := r.ReadAt(big, 310_000); n != len(big) || err != nil || !bytes.Equal(big, data[310_000:410_000]) {
		t.Errorf("over the window's end: %d, %v", n, err)
	}
	if n, err := r.ReadAt(block, info.Size-100); n != 100 || err != io.EOF || !bytes.Equal(block[:n], data[info.Size-100:]) {
		t.Errorf("over the object's end: %d, %v", n, err)
	}
}
