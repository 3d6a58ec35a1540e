package objstore_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// elsewhereEnv names an S3 prefix on any server, which the standard AWS
// environment leads to, to hold what differs between servers to another than ours.
const elsewhereEnv = "CONSTELLATION_S3_PREFIX"

func TestElsewhere(t *testing.T) {
	base := os.Getenv(elsewhereEnv)
	if base == "" {
		t.Skip("SKIPPED: no other S3 server is tried: " + elsewhereEnv + " names no prefix on one")
	}
	s := objstore.Open(t.Context(), objstore.Config{})
	data := noise(30 << 20)
	uri := func(name string) string { return objstore.Join(base, name) }
	defer func() {
		for _, name := range []string{"small+1", "large one", "made", "streamed"} {
			if err := s.Delete(t.Context(), uri(name)); err != nil {
				t.Error(err)
			}
		}
	}()
	same := func(name string, want []byte) {
		t.Helper()
		if got, err := objstore.ReadFile(t.Context(), s, uri(name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s came back with %d bytes, %v", name, len(got), err)
		}
	}
	put(t, s, uri("small+1"), data[:1000])
	same("small+1", data[:1000])
	source := put(t, s, uri("large one"), data)
	same("large one", data)
	if info, err := s.Stat(t.Context(), source.URI); err != nil || info.ETag != source.ETag || info.Size != source.Size {
		t.Errorf("the upload said %+v, Stat %+v, %v", source, info, err)
	}
	at, part := objstore.ReaderAt(t.Context(), s, source), make([]byte, 5000)
	if n, err := at.ReadAt(part, 12345); n != len(part) || err != nil || !bytes.Equal(part, data[12345:17345]) {
		t.Errorf("a range: %d bytes, %v", n, err)
	}
	if _, err := s.Get(t.Context(), source.URI, "other", objstore.Range{Length: 10}); fault.CodeOf(err) != objstore.ObjectChanged {
		t.Errorf("with another ETag: %v", err)
	}
	var seen []string
	if err := s.List(t.Context(), base+"/", func(i objstore.Info) error { seen = append(seen, i.URI); return nil }); err != nil || len(seen) != 2 {
		t.Errorf("listed %v, %v", seen, err)
	}
	from := func(offset, length int64) objstore.Part {
		return objstore.Part{URI: source.URI, ETag: source.ETag, Range: objstore.Range{Offset: offset, Length: length}}
	}
	head := data[29<<20:]
	head = append(bytes.Clone(head), make([]byte, objstore.MinPart)...)
	want := bytes.Join([][]byte{head, data[7 : 7+6<<20], data[20<<20 : 29<<20]}, nil)
	a, err := s.Assemble(t.Context(), uri("made"), s, []objstore.Part{{Bytes: buffer(t, head)}, from(7, 6<<20), from(20<<20, 9<<20)})
	switch {
	case fault.CodeOf(err) == objstore.NotCopied:
		t.Logf("the server can't copy as it should, so that products stream: %v", err)
		if _, err := s.Stat(t.Context(), uri("made")); err == nil { // it could, but for the checksum
			same("made", want)
		}
	case err != nil:
		t.Error(err)
	default:
		same("made", want)
		if a.CRC64NVME != crc64nvme(want) || a.Size != int64(len(want)) {
			t.Errorf("the server says %+v, the CRC64NVME is %s", a, crc64nvme(want))
		}
		t.Logf("assembled %d bytes, CRC64NVME %s", a.Size, a.CRC64NVME)
	}
	u, err := s.Create(t.Context(), uri("streamed"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Write(data[:12<<20]); err != nil {
		t.Fatal(err)
	}
	u.Abort()
	if _, err := s.Stat(t.Context(), uri("streamed")); !objstore.IsNotFound(err) {
		t.Errorf("an upload that was given up: %v", err)
	}
	if err := s.Unfinished(t.Context(), base, func(u objstore.Unfinished) error { t.Errorf("%s is left", u.URI); return nil }); err != nil {
		t.Error(err)
	}
}
