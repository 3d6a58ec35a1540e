package extract

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/survey"
)

// otherFile is what helps where a file can't be used as it is.
const otherFile = "compare the file with the archive's: where they differ copy it again, else ask who made it for one that is mended, or leave the exposure out by data.max_missing"

// losses are the transfers whose files turned out to be unusable. Which of
// several faults is blamed does not depend on which is found first: what comes
// after one too many in the plan's order is stopped, what comes before is read.
type losses struct {
	most      int // exposures that may be lost
	mu        sync.Mutex
	transfers []lossOf
	last      int // the transfer by which too many are lost; all of them: none
}

// lossOf is what became of one transfer.
type lossOf struct {
	users []euclid.ExposureID
	ctx   context.Context // of its copying
	stop  context.CancelFunc
	why   error
}

func newLosses(ctx context.Context, transfers []*transfer, most int) *losses {
	l := &losses{most: most, last: len(transfers)}
	for _, t := range transfers {
		one, stop := context.WithCancel(ctx)
		l.transfers = append(l.transfers, lossOf{users: t.users, ctx: one, stop: stop})
	}
	return l
}

// ended takes how the copying of a transfer ended. An error that is about its
// file costs exposures, and is none yet.
func (l *losses) ended(i int, err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil:
		return nil
	case i > l.last && fault.KindOf(err) == fault.Canceled, i > l.last && errors.Is(err, context.Canceled):
		return nil // it was stopped for a file before it
	case !ofFile(err):
		return err
	}
	l.transfers[i].why = err
	for l.last > 0 && len(l.lost(l.last)) > l.most {
		l.last--
	}
	for _, t := range l.transfers[min(l.last+1, len(l.transfers)):] {
		t.stop()
	}
	return nil
}

// lost are the exposures that the first n transfers cost, and why.
func (l *losses) lost(n int) map[euclid.ExposureID]error {
	why := map[euclid.ExposureID]error{}
	for _, t := range l.transfers[:n] {
		for _, id := range t.users {
			if _, ok := why[id]; !ok && t.why != nil {
				why[id] = t.why
			}
		}
	}
	return why
}

// tooMany is the error of more exposures that are lost than may be.
func (l *losses) tooMany() error {
	if l.last == len(l.transfers) {
		return nil
	}
	err := l.transfers[l.last].why
	if l.most == 0 {
		return err
	}
	return fmt.Errorf("%d exposures can't be used, data.max_missing lets %d of this tile be left out: %w", len(l.lost(l.last+1)), l.most, err)
}

// ofFile says whether an error is about what is in a source file, which no retry
// and no other index cures.
func ofFile(err error) bool {
	if fault.KindOf(err) != fault.BadData {
		return false
	}
	switch fault.CodeOf(err) {
	case fits.CodeChecksum, fits.CodeGarbled, fits.CodeKeyword, fits.CodeNotFITS, fits.CodeCompressed, fits.CodeTruncated, fits.CodeTooLarge, fits.CodeNoEnd,
		"DuplicateHDU", "NotAnImage", "MissingHDU", "PrimaryTooLarge", "HeaderTooLong":
		return true
	}
	return false
}

// ownFault is the error of a file whose HDUs are where they should be: if one of
// their headers can't be read, it is that, and not that the index is stale.
func (t *transfer) ownFault(err error) error {
	var stale, inner *fault.Error
	if fault.CodeOf(err) != codeStale || !errors.As(err, &stale) || !errors.As(stale.Err, &inner) {
		return err
	}
	return bad(cmp.Or(stale.Object, t.file.URI), inner)
}

// bad is an error of what is in a file, with what helps.
func bad(uri string, err error) error {
	var f *fault.Error
	if !errors.As(err, &f) || !ofFile(err) {
		return on(uri, err)
	}
	g := *f
	return g.On(uri).Fix("%s", otherFile)
}

// verified takes what a check of checksums says. Which of the files is at fault
// is for people to find out.
func (t *transfer) verified(uri string, err error, let bool) error {
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != fits.CodeChecksum {
		return on(uri, err)
	}
	g := *f
	g.On(uri)
	if let {
		t.unverified = append(t.unverified, g.Object+": "+g.Place+": "+g.Err.Error())
		return nil
	}
	return g.Fix("compare the file with the archive's: where they differ copy it again, else its checksum was wrong from the start: leave the exposure out by data.max_missing, or use it as it is by data.verify: warn")
}

// leaveOut takes lost exposures out of what was planned, and what was copied of
// them out of the directories.
func (job Job) leaveOut(ctx context.Context, p *plan) error {
	lost := p.losses.lost(len(p.transfers))
	if len(lost) == 0 {
		return nil
	}
	for id, err := range lost {
		p.lost = append(p.lost, survey.LeftOut{Exposure: id, Reason: err.Error()})
	}
	slices.SortFunc(p.lost, func(a, b survey.LeftOut) int { return byExposure(a.Exposure, b.Exposure) })
	isLost := func(id euclid.ExposureID) bool { return lost[id] != nil }
	if !slices.ContainsFunc(p.directories, func(d *directory) bool {
		return slices.ContainsFunc(d.quadrants, func(u use) bool { return !isLost(u.Exposure) })
	}) {
		return fmt.Errorf("none of the tile's exposures can be used, the first since: %w", lost[p.lost[0].Exposure])
	}
	p.withoutWGT = slices.DeleteFunc(p.withoutWGT, isLost)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(job.Workers)
	for _, d := range p.directories {
		for _, pr := range d.products {
			if isLost(pr.of) {
				g.Go(func() error { return job.Dest.Delete(gctx, pr.uri) })
			}
		}
		d.leaveOut(isLost)
	}
	return g.Wait()
}

// leaveOut forgets exposures, and which files were read for them alone.
func (d *directory) leaveOut(isLost func(euclid.ExposureID) bool) {
	before := d.products
	d.quadrants = slices.DeleteFunc(d.quadrants, func(u use) bool { return isLost(u.Exposure) })
	d.products = slices.DeleteFunc(slices.Clone(before), func(pr *product) bool { return isLost(pr.of) })
	d.inputs = slices.DeleteFunc(d.inputs, func(f euclid.File) bool {
		from := func(pr *product) bool { return slices.Contains(pr.sources, f) }
		return slices.ContainsFunc(before, from) && !slices.ContainsFunc(d.products, from)
	})
	d.measure()
}
