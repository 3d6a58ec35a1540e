package euclid

import (
	"context"
	"io"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// samples is how many headers of a file are looked at, beside the first
// extension's, before the others are taken to be where they should be.
const samples = 7

// samplesOfSix is the same for the files of an exposure whose DET is in three, so
// that all six are read by no more than 170 requests.
const samplesOfSix = 4

// readSegments finds the HDUs of quadrants in a BKG, WGT or PSF file. order
// gives the quadrants in DET's order, once that is known. id, if not nil, is the
// exposure that the file is called after.
func readSegments(ctx context.Context, r objstore.Reader, f File, id *ExposureID, suffixes []string, n int, order <-chan []string) (map[string]Segment, error) {
	if f.Gzipped() {
		u, err := unpack(ctx, r, f, mostPSF)
		if err != nil {
			return nil, err
		}
		defer u.Close()
		r, f.Size = u, u.size
	}
	at := readerAt(ctx, r, f)
	var primary *fits.HDU
	if hdus := sampled(ctx, at, f.Size, suffixes, n, order, &primary); hdus != nil {
		found := make(map[string]Segment, len(hdus))
		for _, h := range hdus {
			found[h.Name[:len("3-4.F")]] = segment(h)
		}
		return found, id.holdIn(f.URI, primary)
	}
	hdus, err := readIndex(ctx, r, f, func(string) bool { return false })
	if err != nil {
		return nil, err
	}
	if err := id.holdIn(f.URI, hdus[0]); err != nil {
		return nil, err
	}
	if _, err := UniqueNames(f.URI, hdus); err != nil {
		return nil, err
	}
	found := map[string]Segment{}
	for _, suffix := range slices.Backward(suffixes) { // the first suffix has the last word
		for _, h := range hdus { // in their order: see quadrants
			if base, ok := strings.CutSuffix(h.Name, suffix); ok && quadrantName(base) {
				if err := RequireImage(f.URI, h); err != nil {
					return nil, err
				}
				if h.DataSize > 0 {
					found[base] = segment(h)
				}
			}
		}
	}
	if len(found) == 0 {
		return nil, fault.Data("MissingHDU", "none of %d HDUs is named after a quadrant, like 3-4.F, and has pixels", len(hdus)).On(f.URI).
			Fix("it is of no use to the exposure: compare it with the archive's; if it is the same, %s", askAuthor)
	}
	return found, nil
}

// sampled finds the HDUs of a file by arithmetic: one image for each of DET's
// quadrants, in DET's order and all of one size, fills the file to its last
// byte. A few headers across the file have to bear it out. Where they don't,
// or the file can't be read, it finds nothing, and all headers are read, which
// also says what is wrong. The primary HDU is told, where it was read.
func sampled(ctx context.Context, at io.ReaderAt, size int64, suffixes []string, looks int, order <-chan []string, primary **fits.HDU) []*fits.HDU {
	var first *fits.HDU
	err := fits.Scan(at, size, func(h *fits.HDU) (bool, error) {
		if first = h; h.Index == 0 {
			*primary = h
		}
		return h.Index < 1, nil
	})
	var names []string
	select {
	case names = <-order:
	case <-ctx.Done():
		return nil
	}
	n := int64(len(names))
	if err != nil || n < 2*int64(looks) || first.Index != 1 || first.Offset+n*first.Length() != fits.Pad(size) {
		return nil
	}
	suffix, ok := strings.CutPrefix(first.Name, names[0])
	if !ok || !slices.Contains(suffixes, suffix) || first.Kind != "IMAGE" {
		return nil
	}
	var g errgroup.Group
	like := make([]bool, looks)
	for i := range like {
		g.Go(func() error {
			k := (n - 1) * int64(i+1) / int64(looks) // the last one is the file's last
			offset := first.Offset + k*first.Length()
			raw := make([]byte, fits.Block)
			if _, err := at.ReadAt(raw, offset); err != nil {
				return err
			}
			h, err := fits.ParseStart(raw, int(k)+1, offset)
			like[i] = err == nil && h.Kind == first.Kind && h.DataSize == first.DataSize && h.Name == names[k]+suffix
			return nil
		})
	}
	if g.Wait() != nil || slices.Contains(like, false) {
		return nil
	}
	found := make([]*fits.HDU, n)
	for k, name := range names {
		h := *first
		h.Index, h.Name, h.Offset = k+1, name+suffix, first.Offset+int64(k)*first.Length()
		found[k] = &h
	}
	return found
}

// quadrantOrder is the quadrants of a DET file as they come.
func quadrantOrder(hdus []*fits.HDU) (names []string) {
	for _, h := range hdus {
		if base, ok := strings.CutSuffix(h.Name, ".SCI"); ok && quadrantName(base) {
			names = append(names, base)
		}
	}
	return names
}

// readIndex finds all HDUs of a file; whole says whose headers are wanted, nil: all.
func readIndex(ctx context.Context, r objstore.Reader, f File, whole func(name string) bool) ([]*fits.HDU, error) {
	hdus, err := fits.ReadIndexParallel(readerAt(ctx, r, f), f.Size, headerReads, whole)
	if err != nil {
		return nil, locate(err, f.URI, nil)
	}
	return hdus, nil
}
