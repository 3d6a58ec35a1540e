package storetest

import (
	"bytes"
	"testing"

	"github.com/cosmostat/constellation/pkg/objstore"
)

// shared writes the same bytes to two objects by chunks that both hold, between
// bytes of their own: a run of several parts, and one that is none.
func shared(t *testing.T, s Store, base string) {
	runs := [][]byte{Bytes(11, 13<<20), Bytes(12, 1<<20), Bytes(13, 1000), Bytes(14, 6<<20)}
	var uploads []objstore.Upload
	want := map[string][]byte{}
	for _, name := range []string{"one", "two"} {
		u := create(t, s, objstore.Join(base, name))
		defer u.Abort()
		own := []byte("begins as " + name)
		if _, err := u.Write(own); err != nil {
			t.Fatal(err)
		}
		uploads, want[name] = append(uploads, u), append(own, bytes.Join(runs, nil)...)
	}
	for _, run := range runs {
		from := bytes.NewReader(run)
		for from.Len() > 0 {
			c, err := objstore.NewChunk(t.Context())
			if err == nil {
				err = c.Fill(from, int64(from.Len()))
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range uploads {
				if err := objstore.Share(u, c, int64(from.Len())); err != nil {
					t.Fatal(err)
				}
			}
			c.Release()
		}
	}
	for i, name := range []string{"one", "two"} {
		end := []byte("and its end")
		if _, err := uploads[i].Write(end); err != nil {
			t.Fatal(err)
		}
		info, err := uploads[i].Commit()
		if err != nil || info.Size != int64(len(want[name])+len(end)) {
			t.Fatalf("%s: %+v, %v", name, info, err)
		}
		if got := read(t, s, info.URI, info.ETag, objstore.Whole); !bytes.Equal(got, append(want[name], end...)) {
			t.Errorf("%s came back otherwise", name)
		}
		if c, err := objstore.NewChunk(t.Context()); err == nil {
			if err := objstore.Share(uploads[i], c, 0); err == nil {
				t.Errorf("%s: Share after Commit", name)
			}
			c.Release()
		}
	}
}
