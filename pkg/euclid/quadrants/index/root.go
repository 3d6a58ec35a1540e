package index

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/golang/geo/s2"

	"github.com/cosmostat/constellation/pkg/bounds"
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// format is what a root document says that it is.
const format = "constellation quadrant index 1"

// maxRatio is how much a list is compressed at most: ids hardly are, exposures some twenty times.
const maxRatio = 100

// maxLines is what a list has at most: a survey has some 50,000 exposures.
const maxLines = 1 << 20

// maxFooter bounds what is read of a file before its contents are checked, in bytes.
const maxFooter = 1 << 26

// root is the root document.
type root struct {
	Format    string `json:"format"`
	Quadrants int64  `json:"quadrants"`
	Exposures int    `json:"exposures"`
	Runs      []run  `json:"runs"` // from the oldest to the newest
	// Batches lists the ids of what the dataset was made of, where [Update] made it.
	Batches listEntry `json:"batches,omitzero"`

	lists [][]exposure // of the runs, where they were read
}

// run is a set of files that is sorted as a whole.
type run struct {
	Rows      int64       `json:"rows"`
	Reach     float64     `json:"reach_deg"`        // no outline goes farther from its centre
	Hidden    []exposure  `json:"hidden,omitempty"` // that a later run has again, or that are gone
	Exposures listEntry   `json:"exposures"`
	Files     []fileEntry `json:"files"`
}

// fileEntry is a Parquet file. In the document its URI is relative to the
// document's directory if it lies below.
type fileEntry struct {
	URI    string `json:"uri"`
	Size   int64  `json:"size"`
	Rows   int64  `json:"rows"`
	Footer int64  `json:"footer"` // length, with the eight bytes at the end
	Digest string `json:"digest"` // of the footer
	First  cellID `json:"first"`
	Last   cellID `json:"last"`
}

// listEntry is a list, such as that of a run's exposures: compressed JSON, one a line.
type listEntry struct {
	URI   string `json:"uri"`
	Size  int64  `json:"size"`
	Count int    `json:"count"`
}

// exposure is one exposure and how many quadrants of it there are.
type exposure struct {
	euclid.ExposureID
	Quadrants int `json:"quadrants"`
}

// cellID is written in hexadecimal: numbers in JSON lose digits.
type cellID s2.CellID

func (c cellID) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%016x", uint64(c)), nil }

func (c *cellID) UnmarshalText(b []byte) error {
	_, err := fmt.Sscanf(string(b), "%016x", (*uint64)(c))
	return err
}

// directory is where the files of a root document are: all of its URI before the last slash.
func directory(uri string) string { return strings.TrimSuffix(uri, objstore.Base(uri)) }

// loadRoot reads a root document; the URIs in it become absolute.
func loadRoot(ctx context.Context, r objstore.Reader, uri string) (*root, error) {
	data, err := objstore.ReadFile(ctx, r, uri)
	if err != nil {
		return nil, fmt.Errorf("read quadrant index: %w", err)
	}
	doc := &root{}
	if err := bounds.Unmarshal(data, doc); err != nil {
		return nil, corrupt("not the root document of a quadrant index: %w", err).On(uri).Fix("%s", remedy)
	}
	if doc.Format != format {
		return nil, corrupt("its format is %q, not %q", doc.Format, format).On(uri).Fix("build the index again with this version")
	}
	if doc.Batches.Count > maxLines {
		return nil, corrupt("a list of %d batches, of which one has at most %d", doc.Batches.Count, maxLines).On(uri).Fix("%s", remedy)
	}
	doc.Batches.URI = resolve(uri, doc.Batches.URI)
	for i := range doc.Runs {
		run := &doc.Runs[i]
		run.Exposures.URI = resolve(uri, run.Exposures.URI)
		if run.Exposures.Count > maxLines {
			return nil, corrupt("a list of %d exposures, of which one has at most %d", run.Exposures.Count, maxLines).On(uri).At("run %d", i).Fix("%s", remedy)
		}
		for k := range run.Files {
			f := &run.Files[k]
			if f.Footer < 8 || f.Footer > min(f.Size, maxFooter) || f.First > f.Last || f.URI == "" {
				return nil, corrupt("impossible values").On(uri).At("run %d, file %d", i, k)
			}
			f.URI = resolve(uri, f.URI)
		}
	}
	return doc, nil
}

// save writes the root document.
func (doc *root) save(ctx context.Context, w objstore.Writer, uri string) error {
	data, err := doc.encode(uri)
	if err != nil {
		return err
	}
	_, err = objstore.WriteFile(ctx, w, uri, data)
	return err
}

// encode is the document as it is written to uri.
func (doc *root) encode(uri string) ([]byte, error) {
	out := *doc
	out.Format, out.Runs = format, slices.Clone(doc.Runs)
	out.Batches.URI = relative(uri, doc.Batches.URI)
	for i := range out.Runs {
		run := &out.Runs[i]
		run.Exposures.URI = relative(uri, run.Exposures.URI)
		run.Files = slices.Clone(run.Files)
		for k := range run.Files {
			run.Files[k].URI = relative(uri, run.Files[k].URI)
		}
	}
	data, err := json.MarshalIndent(out, "", " ")
	return append(data, '\n'), err
}

func resolve(rootURI, uri string) string {
	if uri == "" || strings.Contains(uri, "://") || strings.HasPrefix(uri, "/") {
		return uri
	}
	return directory(rootURI) + uri
}

func relative(rootURI, uri string) string {
	if rest, ok := strings.CutPrefix(uri, directory(rootURI)); ok && rest != "" {
		return rest
	}
	return uri
}

// count sums up what can be seen.
func (doc *root) count() {
	doc.Quadrants, doc.Exposures = 0, 0
	for _, r := range doc.Runs {
		doc.Quadrants, doc.Exposures = doc.Quadrants+r.Rows, doc.Exposures+r.Exposures.Count-len(r.Hidden)
		for _, h := range r.Hidden {
			doc.Quadrants -= int64(h.Quadrants)
		}
	}
}

// hidden is the set of a run's hidden exposures.
func (r *run) hidden() map[euclid.ExposureID]bool {
	set := make(map[euclid.ExposureID]bool, len(r.Hidden))
	for _, h := range r.Hidden {
		set[h.ExposureID] = true
	}
	return set
}

// writeList writes a list of what its name says.
func writeList[T any](ctx context.Context, s objstore.Store, dir, of string, all []T) (listEntry, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	lines := json.NewEncoder(z)
	for _, e := range all {
		if err := lines.Encode(e); err != nil {
			return listEntry{}, err
		}
	}
	if err := z.Close(); err != nil {
		return listEntry{}, err
	}
	uri, err := writeNamed(ctx, s, dir, "."+of+".json.gz", b.Bytes())
	return listEntry{URI: uri, Size: int64(b.Len()), Count: len(all)}, err
}

// readList reads a list.
func readList[T any](ctx context.Context, r objstore.Reader, l listEntry) ([]T, error) {
	body, err := r.Get(ctx, l.URI, "", objstore.Range{Length: l.Size})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	var all []T
	z, err := gzip.NewReader(body)
	if err == nil {
		for lines := json.NewDecoder(io.LimitReader(z, 1<<20+maxRatio*l.Size)); len(all) <= l.Count; {
			var e T
			if err = lines.Decode(&e); err != nil {
				break
			}
			all = append(all, e)
		}
	}
	switch {
	case err == io.EOF && len(all) == l.Count:
		return all, nil
	case err != nil && fault.KindOf(err) != fault.Unclassified:
		return nil, fmt.Errorf("read a list: %w", err)
	}
	return nil, corrupt("%d of %d lines can be read: %w", len(all), l.Count, err).On(l.URI)
}
