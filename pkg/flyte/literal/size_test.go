package literal

import (
	"fmt"
	"strings"
	"testing"
)

// TestGathered measures the lists that a map over 10,000 elements makes of what
// its elements give, each in an outputs.pb of its own. The engine keeps such a
// list in one outputs.pb, and every reader downloads it: the limit is 2 MB by
// default (storage.limits.maxDownloadMBs), 10 MB in the Helm chart.
func TestGathered(t *testing.T) {
	const elements, limit = 10_000, 2 << 20
	uri := func(i int) string { // a raw output prefix as the engine makes it, and a name
		return fmt.Sprintf("s3://euclid-flyte/data/k7/a4ffk2x9w8c4jq6z5b7d-n4-0-n17-0-%06d-0/outcome.json", i)
	}
	hash := strings.Repeat("0123456789abcdef", 4)
	for _, tt := range []struct {
		name string
		list func() any
		fits bool
	}{
		{"integers", func() any { return make([]int64, elements) }, true},
		{"optional integers", func() any {
			list := make([]*int64, elements)
			for i := range list {
				list[i] = ptr(int64(i))
			}
			return list
		}, true},
		{"blobs", func() any {
			list := make([]Blob, elements)
			for i := range list {
				list[i] = Blob{URI: uri(i), Format: "json"}
			}
			return list
		}, true},
		{"optional blobs", func() any {
			list := make([]*Blob, elements)
			for i := range list {
				list[i] = &Blob{URI: uri(i), Format: "json"}
			}
			return list
		}, true},
		{"optional blobs with a SHA-256 in hexadecimal", func() any {
			list := make([]*Blob, elements)
			for i := range list {
				list[i] = &Blob{URI: uri(i), Format: "json", Hash: hash}
			}
			return list
		}, true},
		{"optional blobs with a SHA-512 in hexadecimal", func() any {
			list := make([]*Blob, elements)
			for i := range list {
				list[i] = &Blob{URI: uri(i), Format: "json", Hash: hash + hash}
			}
			return list
		}, false},
	} {
		l, err := Encode(tt.list())
		if err != nil {
			t.Fatal(err)
		}
		size := len(marshalLiteral(l))
		t.Logf("%d %s: %d bytes, %d each", elements, tt.name, size, size/elements)
		if (size < limit) != tt.fits {
			t.Errorf("%d %s: %d bytes; the documentation says whether that is below %d: %v", elements, tt.name, size, limit, tt.fits)
		}
	}
}
