package objstore_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc64"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// nvme is the polynomial of CRC64NVME, reversed.
const nvme = 0x9a6c9329ac4bc9b5

func crc64nvme(b []byte) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, crc64.Checksum(b, crc64.MakeTable(nvme))))
}

// noise is data that no two places of are alike.
func noise(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

func put(t *testing.T, s objstore.Writer, uri string, data []byte) objstore.Info {
	t.Helper()
	info, err := objstore.WriteFile(t.Context(), s, uri, data)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func TestAssemble(t *testing.T) {
	_, proxy, s := far(t)
	data := noise(30 << 20)
	source := put(t, s, "s3://bucket/with space/source+1.fits", data)
	head := bytes.Repeat([]byte("head"), objstore.MinPart/4)
	sent, got := proxy.BytesIn(), proxy.BytesOut()
	from := func(offset, length int64) objstore.Part {
		return objstore.Part{URI: source.URI, ETag: source.ETag, Range: objstore.Range{Offset: offset, Length: length}}
	}
	a, err := s.Assemble(t.Context(), "s3://bucket/made", objstore.Indexed(s, "the index", time.Now()),
		[]objstore.Part{{Bytes: buffer(t, head)}, from(7, 6<<20), from(20<<20, 9<<20), from(3, 100)})
	if err != nil {
		t.Fatal(err)
	}
	if n := proxy.BytesIn() + proxy.BytesOut() - sent - got; n > int64(len(head))+20000 {
		t.Errorf("%d bytes passed through", n)
	}
	want := bytes.Join([][]byte{head, data[7 : 7+6<<20], data[20<<20 : 29<<20], data[3:103]}, nil)
	made, err := objstore.ReadFile(t.Context(), s, "s3://bucket/made")
	if err != nil || !bytes.Equal(made, want) {
		t.Fatalf("%d bytes that are not what they should be, %v", len(made), err)
	}
	if info, err := s.Stat(t.Context(), a.URI); err != nil || info.Size != a.Size || info.ETag != a.ETag {
		t.Errorf("%+v, the store says %+v, %v", a, info, err)
	}
	if a.CRC64NVME != crc64nvme(want) {
		t.Errorf("CRC64NVME %q, want %q", a.CRC64NVME, crc64nvme(want))
	}
}

func TestAssembleRefuses(t *testing.T) {
	server, proxy, s := far(t)
	source := put(t, s, "s3://bucket/source", noise(12<<20))
	part := objstore.Part{URI: source.URI, ETag: source.ETag, Range: objstore.Range{Length: 6 << 20}}
	stale := part
	stale.ETag = "other"
	gone := part
	gone.URI += "-gone"
	elsewhere := objstore.Open(t.Context(), objstore.Config{Endpoint: server.Endpoint})
	abroad := objstore.Open(t.Context(), objstore.Config{Endpoint: proxy.Endpoint, Region: "eu-west-1"})
	for name, c := range map[string]struct {
		to    string
		from  objstore.Reader
		part  objstore.Part
		fault s3test.Fault
		code  string
	}{
		"to a file":           {to: t.TempDir() + "/x", from: s, part: part, code: objstore.NotCopied},
		"from memory":         {to: "s3://bucket/x", from: objstore.NewMemory(), part: part, code: objstore.NotCopied},
		"from another server": {to: "s3://bucket/x", from: elsewhere, part: part, code: objstore.NotCopied},
		"from another region": {to: "s3://bucket/x", from: abroad, part: part, code: objstore.NotCopied},
		"replaced":            {to: "s3://bucket/x", from: s, part: stale, code: objstore.ObjectChanged},
		"gone":                {to: "s3://bucket/x", from: s, part: gone, code: objstore.NotFound},
		"no permission to read": {to: "s3://bucket/x", from: s, part: part, code: objstore.NotCopied, fault: func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
			return r.Header.Get("X-Amz-Copy-Source") != "" && s3test.Make(s3test.Denied)(w, r, pass)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			proxy.Inject(c.fault)
			defer proxy.Inject(nil)
			_, err := s.Assemble(t.Context(), c.to, c.from, []objstore.Part{c.part})
			if fault.KindOf(err) != fault.BadInput || fault.CodeOf(err) != c.code {
				t.Errorf("%v (%s), want %s", err, fault.CodeOf(err), c.code)
			}
			if _, err := s.Stat(t.Context(), c.to); !objstore.IsNotFound(err) {
				t.Errorf("the object: %v", err)
			}
		})
	}
	err := s.Unfinished(t.Context(), "s3://bucket/", func(u objstore.Unfinished) error {
		t.Errorf("left: %s", u.URI)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// Trouble that passes changes nothing, also where only the answer is lost.
func TestAssembleInTrouble(t *testing.T) {
	_, proxy, s := far(t)
	data := noise(20 << 20)
	source := put(t, s, "s3://bucket/source", data)
	var parts []objstore.Part
	for at := int64(0); at < source.Size; at += objstore.MinPart {
		parts = append(parts, objstore.Part{URI: source.URI, ETag: source.ETag, Range: objstore.Range{Offset: at, Length: objstore.MinPart}})
	}
	copies := func(r *http.Request) bool { return r.Header.Get("X-Amz-Copy-Source") != "" }
	completions := func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Query().Has("uploadId") }
	for name, f := range map[string]s3test.Fault{
		"copy refused": times(2, s3test.Make(s3test.InternalError), copies), "copy unheard": times(2, s3test.Make(s3test.Lost), copies),
		"completion refused": times(2, s3test.Make(s3test.Reset), completions), "completion unheard": times(1, s3test.Make(s3test.Lost), completions),
	} {
		proxy.Inject(f)
		a, err := s.Assemble(t.Context(), "s3://bucket/"+name, s, parts)
		proxy.Inject(nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if made, err := objstore.ReadFile(t.Context(), s, a.URI); err != nil || !bytes.Equal(made, data) || a.CRC64NVME != crc64nvme(data) {
			t.Errorf("%s: %d bytes with %s, want %d with %s; %v", name, len(made), a.CRC64NVME, len(data), crc64nvme(data), err)
		}
	}
}

// buffer holds some bytes until the test ends.
func buffer(t *testing.T, data []byte) *objstore.Buffer {
	t.Helper()
	b := new(objstore.Buffer)
	t.Cleanup(b.Free)
	if err := b.Append(t.Context(), data); err != nil {
		t.Fatal(err)
	}
	return b
}
