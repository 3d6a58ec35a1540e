package extract

import (
	"bytes"
	"context"
	"slices"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
)

// lookUp finds the HDUs of a file by their names, all of them. Where a SCI is
// elsewhere than in the index, this is of another file: stale is the error then.
func (job Job) lookUp(ctx context.Context, t *transfer, stale error) error {
	for _, f := range t.files {
		if err := job.lookUpIn(ctx, t, f, stale); err != nil {
			return err
		}
	}
	for _, p := range t.products {
		p.upload = nil // what was begun is aborted
	}
	return t.sort()
}

// lookUpIn does that with the pieces of one file.
func (job Job) lookUpIn(ctx context.Context, t *transfer, f euclid.File, stale error) error {
	at := &countingReaderAt{r: readerOf(ctx, job.Source, f)}
	hdus, err := fits.ReadIndexParallel(at, f.Size, lookUps, func(string) bool { return false })
	t.headers += at.n.Load()
	if err != nil {
		return bad(f.URI, err)
	}
	byName, err := euclid.UniqueNames(f.URI, hdus)
	if err != nil {
		return err
	}
	for _, p := range t.pieces {
		if p.file.URI != f.URI {
			continue
		}
		i := slices.IndexFunc(p.names, func(name string) bool { return byName[name] != nil })
		if i < 0 { // the first name that there is has the first word
			return fault.Data("MissingHDU", "HDU %s is not there", p.names[0]).On(f.URI).
				Fix("%s; or read footprints again where the index is of an older file of that name", otherFile)
		}
		found := byName[p.names[i]]
		if err := euclid.RequireImage(f.URI, found); err != nil {
			return err
		}
		place := euclid.Segment{Offset: found.Offset, Length: found.Length()}
		if p.fixed && p.Segment != place {
			return stale
		}
		p.Segment = place
	}
	return nil
}

// verify holds the start of an HDU to the name, the type and the size that it should have.
func (p *piece) verify(start []byte) (*fits.HDU, error) {
	if !bytes.HasPrefix(start, []byte("XTENSION=")) {
		return nil, p.wrong("no extension starts here")
	}
	h, err := fits.ParseHDU(start, 1, p.Offset)
	switch {
	case err != nil && len(start) == maxHeader && fault.CodeOf(err) == fits.CodeNoEnd:
		return nil, fault.Data("HeaderTooLong", "its header has more than %d bytes: that is not one of a VIS file", maxHeader).
			At("HDU %s", p.names[0]).Fix("check the delivery of the file")
	case err != nil:
		return nil, p.wrong("no header here: %w", err)
	case !slices.Contains(p.names, h.Name):
		return nil, p.wrong("EXTNAME is %q", h.Name)
	case h.Kind != "IMAGE":
		return nil, p.wrong("it is a %s", h.Kind)
	case h.Length() != p.Length:
		return nil, p.wrong("it has %d bytes, not %d", h.Length(), p.Length)
	}
	return h, nil
}

func (p *piece) wrong(format string, a ...any) *fault.Error {
	return staleError(format, a...).At("HDU %s at byte %d", p.names[0], p.Offset)
}
