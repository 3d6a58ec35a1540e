package prepare

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/config"
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/euclid/quadrants"
	"github.com/cosmostat/constellation/pkg/euclid/quadrants/index"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/survey"
)

const (
	// exposuresAtOnce bounds the exposures of a batch whose headers are read together.
	exposuresAtOnce = 4
	// batchesAtOnce bounds the batches that are read together, and batchWindow,
	// in bytes, what is held of each: 200,000 small objects are two requests each.
	batchesAtOnce = 16
	batchWindow   = 4 << 20
)

// Footprints is what became of one batch.
type Footprints struct {
	URI        string            // of the quadrants; empty: the batch was lost whole
	Quadrants  int               // how many these are
	Unreadable map[string]string // DET files of the exposures that they lack, and why; and quadrants that they lack, see [emptyQuadrant]
}

// emptyQuadrant is what a quadrant without pixels is called among what could not
// be read: DET file and HDU. It is no reason to read the batch again.
func emptyQuadrant(det, hdu string) string { return det + "#" + hdu }

// Again says whether a batch's exposures should be read again by the next run,
// since some could not be read.
func (f *Footprints) Again() bool {
	for name := range f.Unreadable {
		if !strings.Contains(name, "#") {
			return true
		}
	}
	return false
}

// Batch reads the headers of one batch of exposures from source and writes
// their quadrants, in the order of the plan, to uri. An exposure that can't be
// used as it is, is left out, and why is told; where none can be had, or where
// anything else is wrong, that is an error.
func Batch(ctx context.Context, source objstore.Reader, exposures []euclid.Exposure, dest objstore.Writer, uri string) (*Footprints, error) {
	read := make([]euclid.Headers, len(exposures))
	refused := make([]error, len(exposures))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(exposuresAtOnce)
	for i, e := range exposures {
		g.Go(func() (err error) {
			if read[i], err = readExposure(gctx, source, e); unusable(err) {
				refused[i], err = err, nil
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if err := stillReads(ctx, source, exposures, refused); err != nil {
		return nil, err
	}
	out := &Footprints{URI: uri, Unreadable: map[string]string{}}
	for i, err := range refused {
		if err != nil {
			out.Unreadable[exposures[i].DET.URI] = err.Error()
		}
		for _, hdu := range read[i].Empty {
			out.Unreadable[emptyQuadrant(exposures[i].DET.URI, hdu)] = fmt.Sprintf("%s: HDU %s has no pixels: its quadrant is left out", exposures[i].DET.URI, hdu)
		}
		for what, why := range read[i].Lacking {
			out.Unreadable[emptyQuadrant(exposures[i].DET.URI, what)] = why
		}
	}
	var err error
	out.Quadrants, err = writeQuadrants(ctx, dest, uri, func(w *quadrants.Writer) (n int, err error) {
		for _, h := range read {
			if err := w.Append(h.Quadrants); err != nil {
				return n, err
			}
			n += len(h.Quadrants)
		}
		return n, nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// readExposure returns all quadrants of an exposure, or none.
func readExposure(ctx context.Context, source objstore.Reader, e euclid.Exposure) (euclid.Headers, error) {
	h, err := euclid.ReadHeaders(ctx, source, e)
	if err != nil {
		return euclid.Headers{}, fmt.Errorf("read footprints of %s: %w", e.ExposureID, err)
	}
	for _, q := range h.Quadrants { // here it is one exposure that is left out, in the merge it would be all
		if err := index.Check(q); err != nil {
			return euclid.Headers{}, fmt.Errorf("footprints of %s: %w", e.DET.URI, err)
		}
	}
	return h, nil
}

// stillReads returns an error unless what was refused is about the exposures
// themselves: none could be read, for reasons that may not be theirs, or the store
// refuses now what it gave before, since credentials expired.
func stillReads(ctx context.Context, source objstore.Reader, exposures []euclid.Exposure, refused []error) error {
	good := slices.Index(refused, nil)
	ofFiles := !slices.ContainsFunc(refused, func(err error) bool { return fault.KindOf(err) != fault.BadData })
	switch {
	case good < 0 && ofFiles: // what files hold is about them, even where all hold something wrong
		return nil
	case good < 0 && len(refused) == 1:
		return refused[0]
	case good < 0 && len(refused) > 1:
		return fmt.Errorf("none of %d exposures could be read, the first since: %w", len(refused), refused[0])
	case slices.ContainsFunc(refused, ofStore):
		_, err := source.Stat(ctx, exposures[good].DET.URI)
		return err
	}
	return nil
}

// Merged is what became of the batches.
type Merged struct {
	index.Summary          // of the quadrant index
	Kept          int      // batches that were not read, since an earlier index has them
	Missing       []string // DET files that it lacks, since they or their exposure's other files could not be read; exposures that have none
	Reasons       []string // for each of them: which file, and why; and a line about quadrants, where there are some
	Empty         []string // quadrants that can't be used, since they have no pixels or a file lacks them
}

// Earlier is where the indexes of earlier runs are.
type Earlier struct {
	Dir    string // where this one's files go, too; empty: there are none, and they go beside its root document
	Reader string // the version of what read the batches: other versions may have read otherwise
}

// Merge joins batches into the quadrant index whose root document is at uri,
// sorting in the directory for temporary files. It reads those that no earlier
// index has. Files that could not be read, and all those of a batch that was
// lost, are missing; more of them than the limit allows are an error that names
// them and says why.
func Merge(ctx context.Context, store objstore.Store, plan *survey.Plan, batches []Footprints, limit config.Limit, uri string, earlier Earlier) (*Merged, error) {
	m := &Merged{}
	if err := m.weigh(ctx, store, plan, batches, limit); err != nil {
		return nil, err
	}
	scratch, err := os.MkdirTemp("", "footprints-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(scratch)
	var there []Footprints
	var known []index.Batch
	for i, b := range batches {
		if b.URI != "" {
			p := plan.Batches[i]
			there, known = append(there, b), append(known, index.Batch{ID: b.id(p.SHA256, earlier.Reader), First: p.First, Last: p.Last})
		}
	}
	read := func(some []Footprints) index.Fill {
		return func(add func([]euclid.Quadrant) error) error { return readBatches(ctx, store, some, add) }
	}
	var sum *index.Summary
	if earlier.Dir == "" {
		sum, err = index.Write(ctx, store, uri, scratch, index.Options{}, read(there))
	} else {
		sum, m.Kept, err = index.Update(ctx, store, earlier.Dir, uri, scratch, index.Options{}, known, func(which []int) index.Fill {
			var some []Footprints
			for _, i := range which {
				some = append(some, there[i])
			}
			return read(some)
		})
	}
	if err != nil {
		return nil, err
	}
	m.Summary = *sum
	return m, nil
}

// id names the quadrants that were read of a batch: by its files, by which of
// them were left out, by who read them, and by where they were put, because what
// was read again, for whatever reason, is taken for something else.
func (f *Footprints) id(batch, reader string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n%s\n", batch, reader, f.URI)
	for _, name := range slices.Sorted(maps.Keys(f.Unreadable)) {
		fmt.Fprintln(h, name)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// weigh finds what is missing, and holds it to the limit. It reads those
// batches of the plan alone that something is missing from.
func (m *Merged) weigh(ctx context.Context, r objstore.Reader, plan *survey.Plan, batches []Footprints, limit config.Limit) error {
	if len(batches) != len(plan.Batches) {
		return fault.New(fault.Bug, "BatchCount", "%d batches were read, the plan has %d", len(batches), len(plan.Batches))
	}
	var known, lost []string // reasons that are known come first in the error
	counted := map[euclid.ExposureID]bool{}
	for i, batch := range batches {
		if batch.URI != "" && len(batch.Unreadable) == 0 {
			continue
		}
		planned, err := plan.Batch(ctx, r, i)
		if err != nil {
			return err
		}
		named := 0
		for _, e := range planned.Exposures {
			det := e.DET.URI
			why, unreadable := batch.Unreadable[det]
			switch {
			case batch.URI == "":
				m.miss(det, fmt.Sprintf("%s: batch %d, which it is in, was lost whole", det, i))
				lost, counted[e.ExposureID] = append(lost, det), true
			case unreadable:
				if !names(why, e) {
					why = det + ": " + why
				}
				m.miss(det, why)
				known, named, counted[e.ExposureID] = append(known, why), named+1, true
			}
		}
		for _, name := range slices.Sorted(maps.Keys(batch.Unreadable)) {
			if strings.Contains(name, "#") {
				m.Empty, named = append(m.Empty, batch.Unreadable[name]), named+1
			}
		}
		if batch.URI != "" && named < len(batch.Unreadable) {
			return fault.New(fault.Bug, "BatchFiles", "batch %d names unreadable files that are not in it", i)
		}
	}
	absent := m.absent(plan, counted)
	known = append(known, absent...)
	if n := len(m.Empty); n > 0 {
		m.Reasons = append(m.Reasons, fmt.Sprintf("quadrants that are left out: %d (%s)", n, some(m.Empty, "; ")))
	}
	allowed, err := limit.Of(plan.Exposures + plan.WithoutDET)
	if err != nil {
		return fault.Input("ConfigInvalid", "data.max_missing: %w", err)
	}
	missing := len(m.Missing) + plan.Absent - len(plan.AbsentFirst)
	if missing <= allowed {
		return nil
	}
	remedy := "mend or remove the files, or raise data.max_missing"
	if len(lost) > 0 {
		remedy = "see the read-footprints elements that failed; " + remedy
		known = append(known, "with batches that were lost whole, "+some(lost, ", "))
	}
	return fault.Data("FilesMissing", "%d of %d exposures are missing or could not be read, %d may be: %s",
		missing, plan.Exposures+plan.WithoutDET, allowed, some(known, "; ")).Fix("%s", remedy)
}

// absent counts the exposures that lack a file among those that are missing, as
// far as the plan names them, each once, and says what there is of them.
func (m *Merged) absent(plan *survey.Plan, counted map[euclid.ExposureID]bool) (reasons []string) {
	for _, a := range plan.AbsentFirst {
		if !counted[a.Exposure] {
			m.miss(a.Exposure.String(), a.String())
			reasons = append(reasons, a.String())
		}
	}
	if more := plan.Absent - len(plan.AbsentFirst); more > 0 {
		m.Reasons = append(m.Reasons, fmt.Sprintf("and %d more exposures that lack DET, BKG or PSF", more))
	}
	return reasons
}

// names says whether a reason names one of the exposure's files: the DET file is
// not blamed for another.
func names(why string, e euclid.Exposure) bool {
	return slices.ContainsFunc(e.Files(), func(f euclid.File) bool { return strings.Contains(why, f.URI) })
}

func (m *Merged) miss(det, reason string) {
	m.Missing, m.Reasons = append(m.Missing, det), append(m.Reasons, reason)
}

// readBatches gives the quadrants of batches to add, by one call at a time.
// Batches come in any order.
func readBatches(ctx context.Context, r objstore.Reader, batches []Footprints, add func([]euclid.Quadrant) error) error {
	var lock sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(batchesAtOnce)
	for _, batch := range batches {
		g.Go(func() error {
			return scanQuadrants(gctx, r, batch.URI, func(qs []euclid.Quadrant) error {
				lock.Lock()
				defer lock.Unlock()
				return add(qs)
			})
		})
	}
	return g.Wait()
}

// writeQuadrants makes one Parquet object of what fill appends.
func writeQuadrants(ctx context.Context, dest objstore.Writer, uri string, fill func(*quadrants.Writer) (int, error)) (int, error) {
	up, err := dest.Create(ctx, uri)
	if err != nil {
		return 0, err
	}
	defer up.Abort()
	w, err := quadrants.NewWriter(up)
	if err != nil {
		return 0, err
	}
	n, err := fill(w)
	if err != nil {
		return 0, err
	}
	if err := w.Close(); err != nil {
		return 0, err
	}
	_, err = up.Commit()
	return n, err
}

// scanQuadrants visits the quadrants of a Parquet object, group by group. A
// batch of a few exposures, which is the rule, is read by one request.
func scanQuadrants(ctx context.Context, r objstore.Reader, uri string, visit func([]euclid.Quadrant) error) error {
	info, err := r.Stat(ctx, uri)
	if err != nil {
		return err
	}
	at := objstore.Window(objstore.ReaderAt(ctx, r, info), info.Size, batchWindow)
	if info.Size <= batchWindow {
		data := make([]byte, info.Size)
		if _, err := objstore.ReaderAt(ctx, r, info).ReadAt(data, 0); err != nil && err != io.EOF {
			return err
		}
		at = bytes.NewReader(data)
	}
	if err := quadrants.Scan(at, info.Size, visit); err != nil {
		return fmt.Errorf("read quadrants of %s: %w", uri, err)
	}
	return nil
}

// some shows a few of many names.
func some(names []string, between string) string {
	const shown = 5
	text := ""
	for i, name := range names {
		if i == shown {
			return fmt.Sprintf("%s and %d more", text, len(names)-shown)
		}
		if i > 0 {
			text += between
		}
		text += name
	}
	return text
}
