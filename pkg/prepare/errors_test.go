package prepare

import (
	"context"
	"errors"
	"testing"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

type sharing struct {
	objstore.Store
	objstore.Upload
	shared int64
}

func (s *sharing) Share(_ *objstore.Chunk, left int64) error {
	s.shared = left
	return fault.Passing(objstore.Throttled, "slow down")
}

func (s *sharing) Create(context.Context, string) (objstore.Upload, error) { return s, nil }

// TestMarkedUploadsShare: what extraction holds is bounded by uploads that share.
func TestMarkedUploadsShare(t *testing.T) {
	s := &sharing{}
	u, err := markedStore(s).Create(t.Context(), "mem://b/x")
	if err != nil {
		t.Fatal(err)
	}
	var theirs *destinationError
	if err := objstore.Share(u, nil, 7); !errors.As(err, &theirs) || fault.CodeOf(err) != objstore.Throttled || s.shared != 7 {
		t.Errorf("%v, %d were left", err, s.shared)
	}
}

type assembler struct {
	objstore.Store
	err error
}

func (a assembler) Assemble(context.Context, string, objstore.Reader, []objstore.Part) (objstore.Assembled, error) {
	return objstore.Assembled{}, a.err
}

// TestAssembleTrouble: a store that copies by itself says on whose object it failed.
func TestAssembleTrouble(t *testing.T) {
	if _, ok := markedStore(objstore.NewMemory()).(objstore.Assembler); ok {
		t.Error("a store that can't assemble seems to")
	}
	const source, product = "s3://vis/det.fits", "s3://mine/sci.fits"
	for object, own := range map[string]bool{source: true, product: false, "": false} {
		store, ok := markedStore(assembler{objstore.NewMemory(), fault.Input(objstore.ObjectChanged, "replaced").On(object)}).(objstore.Assembler)
		if !ok {
			t.Fatal("a store that can assemble does not seem to")
		}
		_, err := store.Assemble(t.Context(), product, nil, []objstore.Part{{Bytes: new(objstore.Buffer)}, {URI: source}})
		if ofTile(err) != own || fault.CodeOf(err) != objstore.ObjectChanged {
			t.Errorf("trouble with %q: %v", object, err)
		}
	}
	if _, err := markedStore(objstore.NewMemory()).Stat(t.Context(), "mem://b/none"); ofTile(err) || !objstore.IsNotFound(err) {
		t.Errorf("%v", err)
	}
}
