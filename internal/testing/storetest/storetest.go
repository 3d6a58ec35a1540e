// Package storetest is the suite that every store passes: what package
// objstore promises, asked of one implementation, with requests and bytes counted.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// Store is what is tested.
type Store interface {
	objstore.Store
	Usage() objstore.Usage
}

// Run asks everything of a store. Each test writes below base, a bucket or
// directory that may be empty or not, under a name of its own.
func Run(t *testing.T, s Store, base string) {
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(t, s, objstore.Join(base, strings.ToLower(test.name))) })
	}
}

// RunReading asks everything about reading of a store whose objects come into
// being by other means: s writes by them. A listing may need several requests.
func RunReading(t *testing.T, s Store, base string) {
	for _, test := range tests {
		if test.reads {
			t.Run(test.name, func(t *testing.T) { test.run(t, reading{s}, objstore.Join(base, strings.ToLower(test.name))) })
		}
	}
}

// reading marks a store of [RunReading].
type reading struct{ Store }

var tests = []struct {
	name  string
	run   func(t *testing.T, s Store, base string)
	reads bool
}{
	{"Whole", whole, true},
	{"Ranges", ranges, true},
	{"Empty", empty, true},
	{"Missing", missing, true},
	{"Pinned", pinned, true},
	{"Invisible", invisible, false},
	{"Replaced", replaced, true},
	{"Aborted", aborted, false},
	{"Finished", finished, false},
	{"Large", large, true},
	{"ReadFrom", readFrom, true},
	{"Shared", shared, false},
	{"Deleted", deleted, true},
	{"List", list, true},
	{"ListOrder", listOrder, true},
	{"ListStops", listStops, true},
	{"Names", names, true},
	{"Canceled", canceled, true},
	{"Invalid", invalid, true},
	{"ReaderAt", readerAt, true},
	{"Window", window, true},
	{"WriteNew", writeNew, false},
}

func whole(t *testing.T, s Store, base string) {
	ctx, uri, data := t.Context(), objstore.Join(base, "a/b.bin"), Bytes(1, 100_000)
	used := measure(s)
	info := write(t, s, uri, data)
	if got := used(); got.Requests != 1 || got.BytesWritten != int64(len(data)) {
		t.Errorf("writing used %+v", got)
	}
	if info.URI != uri || info.Size != int64(len(data)) || info.ETag == "" || strings.Contains(info.ETag, `"`) {
		t.Errorf("Commit says %+v", info)
	}
	used = measure(s)
	if got := read(t, s, uri, "", objstore.Whole); !bytes.Equal(got, data) {
		t.Error("other bytes came back")
	}
	if got := used(); got.Requests != 1 || got.BytesRead != int64(len(data)) {
		t.Errorf("reading used %+v", got)
	}
	used = measure(s)
	stat, err := s.Stat(ctx, uri)
	if err != nil || stat.URI != uri || stat.Size != info.Size || stat.ETag != info.ETag || stat.Modified.IsZero() {
		t.Errorf("Stat says %+v, %v after Commit said %+v", stat, err, info)
	}
	if got := used(); got.Requests != 1 || got.BytesRead != 0 {
		t.Errorf("Stat used %+v", got)
	}
}

func ranges(t *testing.T, s Store, base string) {
	ctx, uri, data := t.Context(), objstore.Join(base, "x"), Bytes(2, 1000)
	info := write(t, s, uri, data)
	for _, r := range []objstore.Range{span(0, 1), span(0, 1000), span(0, -1), span(999, 1), span(999, -1), span(10, 20), span(500, 0), span(0, 0), span(1000, 0), span(1000, -1)} {
		used := measure(s)
		got := read(t, s, uri, info.ETag, r)
		want := data[r.Offset:]
		if r.Length >= 0 {
			want = want[:r.Length]
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%+v: %d bytes, want %d, or other ones", r, len(got), len(want))
		}
		if u := used(); len(want) > 0 && (u.Requests != 1 || u.BytesRead != int64(len(want))) {
			t.Errorf("%+v used %+v", r, u)
		}
	}
	for _, r := range []objstore.Range{span(0, 1001), span(999, 2), span(1000, 1), span(1001, -1), span(1001, 0), span(5000, 10), span(5000, -1)} {
		_, err := tryRead(ctx, s, uri, info.ETag, r)
		if fault.CodeOf(err) != objstore.Truncated || fault.KindOf(err) != fault.BadData || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%+v beyond the end: %v", r, err)
		}
	}
	if _, err := s.Get(ctx, uri, "", objstore.Range{Offset: -1, Length: 5}); fault.KindOf(err) != fault.Bug {
		t.Errorf("negative offset: %v", err)
	}
}

func empty(t *testing.T, s Store, base string) {
	ctx, uri := t.Context(), objstore.Join(base, "nothing")
	info := write(t, s, uri, nil)
	if info.Size != 0 || info.ETag == "" {
		t.Errorf("Commit says %+v", info)
	}
	for _, r := range []objstore.Range{objstore.Whole, span(0, 0)} {
		for _, etag := range []string{"", info.ETag} {
			if got := read(t, s, uri, etag, r); len(got) != 0 {
				t.Errorf("%+v: %d bytes of nothing", r, len(got))
			}
		}
	}
	if _, err := tryRead(ctx, s, uri, "", objstore.Range{Offset: 0, Length: 5}); fault.CodeOf(err) != objstore.Truncated {
		t.Errorf("a range of nothing: %v", err)
	}
	if n, err := objstore.ReaderAt(ctx, s, info).ReadAt(make([]byte, 5), 0); n != 0 || err != io.EOF {
		t.Errorf("ReadAt of nothing: %d, %v", n, err)
	}
}

func missing(t *testing.T, s Store, base string) {
	ctx, uri := t.Context(), objstore.Join(base, "dir/x")
	write(t, s, objstore.Join(base, "dir/y"), []byte("y"))
	// A directory is no object, and neither is what a file would hold were it one.
	for _, uri := range []string{uri, objstore.Join(base, "dir"), objstore.Join(base, "no/such/path"), objstore.Join(base, "dir/y/z")} {
		_, err := s.Stat(ctx, uri)
		isFault(t, "Stat", uri, err, fault.BadInput, objstore.NotFound)
		_, err = tryRead(ctx, s, uri, "", objstore.Whole)
		isFault(t, "Get", uri, err, fault.BadInput, objstore.NotFound)
		_, err = tryRead(ctx, s, uri, "", objstore.Range{})
		isFault(t, "Get of nothing", uri, err, fault.BadInput, objstore.NotFound)
		if !objstore.IsNotFound(err) {
			t.Errorf("IsNotFound does not know %v", err)
		}
	}
}

func pinned(t *testing.T, s Store, base string) {
	ctx, uri := t.Context(), objstore.Join(base, "x")
	old := write(t, s, uri, []byte("old"))
	if got := read(t, s, uri, old.ETag, objstore.Range{Offset: 1, Length: 2}); string(got) != "ld" {
		t.Errorf("read %q", got)
	}
	now := write(t, s, uri, []byte("newer"))
	if now.ETag == old.ETag {
		t.Errorf("two contents have the ETag %s", now.ETag)
	}
	for _, r := range []objstore.Range{objstore.Whole, span(1, 2), span(0, 0), span(4, -1)} {
		_, err := tryRead(ctx, s, uri, old.ETag, r)
		isFault(t, "Get of the old", uri, err, fault.BadInput, objstore.ObjectChanged)
	}
}

func invisible(t *testing.T, s Store, base string) {
	ctx, uri := t.Context(), objstore.Join(base, "x")
	u := create(t, s, uri)
	if _, err := u.Write(Bytes(3, 1000)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Stat(ctx, uri); !objstore.IsNotFound(err) {
		t.Errorf("visible before Commit: %v", err)
	}
	if got := listed(t, s, base); len(got) != 0 {
		t.Errorf("listed before Commit: %v", got)
	}
	if _, err := u.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := listed(t, s, base); len(got) != 1 || got[0] != uri {
		t.Errorf("listed after Commit: %v", got)
	}
}

func replaced(t *testing.T, s Store, base string) {
	uri := objstore.Join(base, "x")
	write(t, s, uri, []byte("a longer old content"))
	u := create(t, s, uri)
	if _, err := io.WriteString(u, "new"); err != nil {
		t.Fatal(err)
	}
	if got := read(t, s, uri, "", objstore.Whole); string(got) != "a longer old content" {
		t.Errorf("before Commit: %q", got)
	}
	if _, err := u.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, s, uri, "", objstore.Whole); string(got) != "new" {
		t.Errorf("after Commit: %q", got)
	}
}

func aborted(t *testing.T, s Store, base string) {
	for _, size := range []int{0, 1000, 20 << 20} {
		uri := objstore.Join(base, "x")
		u := create(t, s, uri)
		if _, err := u.Write(Bytes(4, size)); err != nil {
			t.Fatal(err)
		}
		u.Abort()
		u.Abort()
		if _, err := u.Commit(); err == nil {
			t.Error("Commit after Abort succeeds")
		}
		if got := listed(t, s, base); len(got) != 0 {
			t.Errorf("%d bytes: listed after Abort: %v", size, got)
		}
	}
}

func finished(t *testing.T, s Store, base string) {
	uri := objstore.Join(base, "x")
	u := create(t, s, uri)
	if _, err := u.Commit(); err != nil {
		t.Fatal(err)
	}
	u.Abort()
	if _, err := s.Stat(t.Context(), uri); err != nil {
		t.Errorf("Abort after Commit undoes it: %v", err)
	}
	if _, err := u.Write([]byte("x")); err == nil {
		t.Error("Write after Commit succeeds")
	}
	if _, err := u.Commit(); err == nil {
		t.Error("a second Commit succeeds")
	}
}

// large is of several parts, written in pieces that divide nothing.
func large(t *testing.T, s Store, base string) {
	uri, data := objstore.Join(base, "x"), Bytes(5, 20<<20+12345)
	u := create(t, s, uri)
	defer u.Abort()
	random := rand.New(rand.NewPCG(5, 5))
	for rest := data; len(rest) > 0; {
		n := min(len(rest), 1+random.IntN(3<<20))
		if m, err := u.Write(rest[:n]); m != n || err != nil {
			t.Fatal(m, err)
		}
		rest = rest[n:]
	}
	info, err := u.Commit()
	if err != nil {
		t.Fatal(err)
	}
	if stat, err := s.Stat(t.Context(), uri); err != nil || stat.ETag != info.ETag || stat.Size != int64(len(data)) || info.Size != stat.Size {
		t.Errorf("Commit says %+v, Stat %+v, %v", info, stat, err)
	}
	if got := read(t, s, uri, info.ETag, objstore.Whole); !bytes.Equal(got, data) {
		t.Error("other bytes came back")
	}
	if got := read(t, s, uri, info.ETag, objstore.Range{Offset: 8<<20 - 7, Length: 20}); !bytes.Equal(got, data[8<<20-7:][:20]) {
		t.Error("other bytes came back from the seam of two parts")
	}
}

// readFrom copies one object to another, exactly of a part's size.
func readFrom(t *testing.T, s Store, base string) {
	data := Bytes(6, 8<<20)
	write(t, s, objstore.Join(base, "from"), data)
	body, err := s.Get(t.Context(), objstore.Join(base, "from"), "", objstore.Whole)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	u := create(t, s, objstore.Join(base, "to"))
	defer u.Abort()
	if n, err := io.Copy(u, body); n != int64(len(data)) || err != nil {
		t.Fatal(n, err)
	}
	if _, err := u.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, s, objstore.Join(base, "to"), "", objstore.Whole); !bytes.Equal(got, data) {
		t.Error("other bytes came back")
	}
}

func deleted(t *testing.T, s Store, base string) {
	ctx, uri := t.Context(), objstore.Join(base, "dir/x")
	write(t, s, uri, []byte("x"))
	write(t, s, objstore.Join(base, "dir/y"), []byte("y"))
	for range 2 {
		if err := s.Delete(ctx, uri); err != nil {
			t.Errorf("Delete: %v", err)
		}
	}
	if err := s.Delete(ctx, objstore.Join(base, "dir")); err != nil {
		t.Errorf("Delete of what is only a prefix: %v", err)
	}
	if got := listed(t, s, base); len(got) != 1 || got[0] != objstore.Join(base, "dir/y") {
		t.Errorf("left: %v", got)
	}
}

func canceled(t *testing.T, s Store, base string) {
	uri := objstore.Join(base, "x")
	write(t, s, uri, Bytes(7, 1<<20))
	ctx, cancel := context.WithCancelCause(t.Context())
	body, err := s.Get(ctx, uri, "", objstore.Whole)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	u, err := s.Create(ctx, objstore.Join(base, "y"))
	if err != nil {
		t.Fatal(err)
	}
	defer u.Abort()
	cancel(errors.New("a reason of the caller's own"))

	_, readErr := io.Copy(io.Discard, body)
	_, writeErr := u.Write([]byte("x"))
	_, commitErr := u.Commit()
	_, statErr := s.Stat(ctx, uri)
	_, getErr := s.Get(ctx, uri, "", objstore.Whole)
	_, createErr := s.Create(ctx, uri)
	for doing, err := range map[string]error{
		"Read": readErr, "Write": writeErr, "Commit": commitErr, "Stat": statErr, "Get": getErr, "Create": createErr,
		"Delete": s.Delete(ctx, uri),
		"List":   s.List(ctx, base, func(objstore.Info) error { return nil }),
	} {
		// What was buffered already may still be read.
		if err == nil && doing == "Read" {
			continue
		}
		if fault.KindOf(err) != fault.Canceled {
			t.Errorf("%s: %v", doing, err)
		}
	}
}

func invalid(t *testing.T, s Store, base string) {
	ctx := t.Context()
	_, statErr := s.Stat(ctx, base+"/")
	_, getErr := s.Get(ctx, base+"/", "", objstore.Whole)
	_, createErr := s.Create(ctx, base+"/")
	for doing, err := range map[string]error{"Stat": statErr, "Get": getErr, "Create": createErr, "Delete": s.Delete(ctx, base+"/")} {
		isFault(t, doing, base+"/", err, fault.BadInput, objstore.InvalidURI)
	}
}
