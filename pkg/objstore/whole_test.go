package objstore_test

import (
	"context"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// What is larger than a file of its kind is refused by name, not held.
func TestReadAtMost(t *testing.T) {
	ctx, store := context.Background(), objstore.NewMemory()
	if _, err := objstore.WriteFile(ctx, store, "mem://b/k", make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	for most, good := range map[int64]bool{0: false, 999: false, 1000: true, 1 << 40: true} {
		data, err := objstore.ReadAtMost(ctx, store, "mem://b/k", most)
		switch {
		case good && (err != nil || len(data) != 1000):
			t.Errorf("%d: %d bytes, %v", most, len(data), err)
		case !good && (fault.CodeOf(err) != objstore.TooLarge || !strings.Contains(err.Error(), "mem://b/k")):
			t.Errorf("%d: %v", most, err)
		}
	}
}
