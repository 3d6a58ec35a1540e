package survey

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

const (
	// MaxBatches bounds the batches of a plan. The engine holds a map over
	// 5,000 elements; one over far more would be nothing but overhead.
	MaxBatches = 5_000
	// batchDir is where a plan's batches lie, beside its root document.
	batchDir = "batches"
	// shownFiles bounds the file names that a plan gives as examples.
	shownFiles = 100
	// documentsAtOnce bounds the small documents that are read or written together.
	documentsAtOnce = 32
)

// Plan is the root document of a survey's exposures: what the listing gave, in
// numbers, and the batches that are read at once, by reference. It holds
// nothing of the run that made it, so that the same listing gives the same bytes.
type Plan struct {
	Exposures int        `json:"exposures"`
	Batches   []BatchRef `json:"batches"` // in the order of the exposures' ids

	// What the listing left out, as euclid.Observations has it; names are examples.
	Unknown         int              `json:"unknown,omitempty"`
	UnknownExamples []string         `json:"unknown_examples,omitempty"`
	Near            int              `json:"near,omitempty"`
	NearExamples    []string         `json:"near_examples,omitempty"`
	Superseded      int              `json:"superseded,omitempty"`
	SupersededFiles []string         `json:"superseded_examples,omitempty"`
	Both            int              `json:"both,omitempty"`
	Stray           int              `json:"stray,omitempty"`
	StrayExamples   []string         `json:"stray_examples,omitempty"`
	Incomplete      int              `json:"incomplete,omitempty"`
	IncompleteFirst []euclid.Missing `json:"incomplete_examples,omitempty"`
	Leftover        int              `json:"leftover,omitempty"`
	LeftoverFirst   []string         `json:"leftover_examples,omitempty"`
	SkippedShort    int              `json:"skipped_short,omitempty"`
	SkippedNominal  int              `json:"skipped_nominal,omitempty"`

	// Absent are exposures that can't be used, since they lack a DET, BKG or PSF
	// that can be read; in numbers, and the first of them, each with the first that
	// it lacks. Those without DET are not among Exposures.
	Absent      int              `json:"absent,omitempty"`
	AbsentFirst []euclid.Missing `json:"absent_examples,omitempty"`
	WithoutDET  int              `json:"without_det,omitempty"`

	uri string // of the document
}

// BatchRef is one batch of a plan.
type BatchRef struct {
	SHA256    string            `json:"sha256"` // and, with .json, its name in the directory batches
	First     euclid.ExposureID `json:"first"`
	Last      euclid.ExposureID `json:"last"`
	Exposures int               `json:"exposures"`
}

// Batch is some exposures with their files as they were listed. It is all that
// reading their headers takes, and its bytes are all that what is read depends on.
type Batch struct {
	Exposures []euclid.Exposure `json:"exposures"`
	// Again is not empty where an earlier reading of the same files is not to be
	// trusted: see Redo.
	Again string `json:"again,omitempty"`
}

// Cut divides exposures, sorted by id, into batches of at most n. A batch holds
// exposures of one group of observations, so that a new file changes one batch
// or those after it in its group, and no other.
func Cut(exposures []euclid.Exposure, n int) [][]euclid.Exposure {
	n = max(1, n)
	group := max(1, n/usualDithers)
	var batches [][]euclid.Exposure
	for from := 0; from < len(exposures); {
		to, in := from+1, groupOf(exposures[from], group)
		for to < len(exposures) && to-from < n && groupOf(exposures[to], group) == in {
			to++
		}
		batches = append(batches, exposures[from:to:to])
		from = to
	}
	return batches
}

// usualDithers is how many exposures an observation has, as a rule.
const usualDithers = 4

// groupOf is the group of consecutive observation numbers that an exposure is in.
func groupOf(e euclid.Exposure, size int) int {
	n := 0
	for _, digit := range e.Obs { // six digits: euclid.ParseName has seen to it
		n = 10*n + int(digit-'0')
	}
	return n / size
}

// NewPlan writes the plan of what a listing gave to uri, its batches beside it.
// Batches that redo names are marked, so that nothing takes them for read.
func NewPlan(ctx context.Context, w objstore.Writer, uri string, o *euclid.Observations, perBatch int, redo map[string]string) (*Plan, error) {
	batches := Cut(o.Exposures, perBatch)
	if len(batches) > MaxBatches {
		return nil, fault.Input("TooManyBatches", "%d exposures make %d batches, more than %d", len(o.Exposures), len(batches), MaxBatches).
			At("data.files_per_task").Fix("raise it to %d or more", enough(o.Exposures, perBatch))
	}
	p := &Plan{
		Exposures: len(o.Exposures), Batches: make([]BatchRef, len(batches)), uri: uri,
		Unknown: o.Unknown, UnknownExamples: o.UnknownExamples, Near: o.Near, NearExamples: o.NearExamples, Both: o.Both, Stray: o.Stray, StrayExamples: o.StrayExamples,
		SkippedShort: o.SkippedShort, SkippedNominal: o.SkippedNominal,
		Superseded: len(o.Superseded), SupersededFiles: firstOf(o.Superseded), Incomplete: len(o.Incomplete), IncompleteFirst: firstOf(o.Incomplete),
		Leftover: o.Leftover, LeftoverFirst: o.LeftoverExamples,
	}
	var absent []euclid.Missing
	for _, m := range o.Incomplete { // by exposure, DET first
		if m.Product == euclid.DET {
			p.WithoutDET++
		}
		if m.Product != euclid.WGT && (len(absent) == 0 || absent[len(absent)-1].Exposure != m.Exposure) {
			absent = append(absent, m)
		}
	}
	p.Absent, p.AbsentFirst = len(absent), firstOf(absent)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(documentsAtOnce)
	for i, exposures := range batches {
		g.Go(func() error {
			text, err := encode(Batch{Exposures: exposures})
			if again := redo[digest(text)]; err == nil && again != "" {
				text, err = encode(Batch{exposures, again})
			}
			if err != nil {
				return err
			}
			sum := digest(text)
			p.Batches[i] = BatchRef{sum, exposures[0].ExposureID, exposures[len(exposures)-1].ExposureID, len(exposures)}
			_, err = objstore.WriteFile(gctx, w, batchURI(uri, sum), text)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("write the plan's batches: %w", err)
	}
	return p, Save(ctx, w, uri, p)
}

// enough is a number of files per task that makes few enough batches.
func enough(exposures []euclid.Exposure, n int) int {
	for n = max(1, n); len(Cut(exposures, n)) > MaxBatches; {
		n *= 2
	}
	return n
}

// OpenPlan reads a plan's root document.
func OpenPlan(ctx context.Context, r objstore.Reader, uri string) (*Plan, error) {
	p, err := Load[Plan](ctx, r, uri)
	if err != nil {
		return nil, err
	}
	p.uri = uri
	return p, nil
}

// Batch reads a batch.
func (p *Plan) Batch(ctx context.Context, r objstore.Reader, i int) (*Batch, error) {
	if i < 0 || i >= len(p.Batches) {
		return nil, fault.Input("UnknownBatch", "there is no batch %d", i).On(p.uri).Fix("use 0 to %d", len(p.Batches)-1)
	}
	return LoadBatch(ctx, r, p.uri, p.Batches[i].SHA256)
}

// LoadBatch reads the batch with a SHA-256, which is its name beside its plan.
func LoadBatch(ctx context.Context, r objstore.Reader, planURI, sum string) (*Batch, error) {
	if raw, err := hex.DecodeString(sum); err != nil || len(raw) != sha256.Size {
		return nil, fault.Input("UnknownBatch", "%q is not the SHA-256 of a batch", sum).On(planURI).Fix("take one that the plan lists")
	}
	uri := batchURI(planURI, sum)
	text, err := objstore.ReadFile(ctx, r, uri)
	if err != nil {
		return nil, err
	}
	if got := digest(text); got != sum {
		return nil, fault.Data("DocumentInvalid", "its SHA-256 is %s, its name says another", got).On(uri).Fix("index again: start a new run")
	}
	return decode[Batch](uri, text)
}

// batchURI is where the batch with a SHA-256 lies.
func batchURI(planURI, sum string) string {
	return strings.TrimSuffix(planURI, objstore.Base(planURI)) + batchDir + "/" + sum + ".json"
}

// Holding returns the indices of the batches that exposures with these ids are in.
func (p *Plan) Holding(ids []euclid.ExposureID) []int {
	var found []int
	for _, id := range ids {
		i, _ := slices.BinarySearchFunc(p.Batches, id, func(b BatchRef, id euclid.ExposureID) int { return b.Last.Compare(id) })
		if i < len(p.Batches) && p.Batches[i].First.Compare(id) <= 0 {
			found = append(found, i)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// Digest is the SHA-256 of the plan's root document, and with it of all batches.
func (p *Plan) Digest() (string, error) {
	text, err := encode(p)
	return digest(text), err
}

// Key names a batch without regard to whether it is to be read again: what Redo
// marks it by.
func (b *Batch) Key() (string, error) {
	text, err := encode(Batch{Exposures: b.Exposures})
	return digest(text), err
}

// String says in one line what a plan holds.
func (p *Plan) String() string {
	return fmt.Sprintf("%d exposures in %d batches, %d incomplete, %d superseded files, %d unknown names",
		p.Exposures, len(p.Batches), p.Incomplete, p.Superseded, p.Unknown)
}

// Notes say in a line each what the listing held and what is not taken of it,
// but for the exposures that can't be used, which count as missing.
func (p *Plan) Notes() (lines []string) {
	var lacking []string
	for _, m := range p.IncompleteFirst {
		if m.Product == euclid.WGT && m.There != "" { // nothing reads WGT: where there is none, a page says so
			lacking = append(lacking, m.String())
		}
	}
	if len(lacking) > 0 {
		least := ""
		if p.Incomplete > len(p.IncompleteFirst) {
			least = "at least "
		}
		lines = append(lines, fmt.Sprintf("products that exposures lack: %s%d (%s)", least, len(lacking), fewOf(lacking)))
	}
	if p.Leftover > 0 {
		lines = append(lines, fmt.Sprintf("files named like products but for what follows .fits, not read: %d (%s)", p.Leftover, fewOf(p.LeftoverFirst)))
	}
	if p.Superseded > 0 {
		lines = append(lines, fmt.Sprintf("older deliveries of VIS files, not taken: %d", p.Superseded))
	}
	if p.Both > 0 {
		lines = append(lines, fmt.Sprintf("exposures whose DET is there combined and in three files, and is taken once: %d", p.Both))
	}
	if p.Stray > 0 {
		lines = append(lines, fmt.Sprintf("files of a DET in three without the others of their time, not taken: %d (%s)", p.Stray, fewOf(p.StrayExamples)))
	}
	if p.Near > 0 {
		lines = append(lines, fmt.Sprintf("names of VIS files that are almost those of products, not read: %d (%s)", p.Near, fewOf(p.NearExamples)))
	}
	if p.Unknown > 0 {
		lines = append(lines, fmt.Sprintf("names of VIS files that are not understood: %d (%s)", p.Unknown, fewOf(p.UnknownExamples)))
	}
	return lines
}

// fewOf shows the first few of many.
func fewOf(all []string) string {
	const few = 5
	if len(all) > few {
		return fmt.Sprintf("%s and %d more", strings.Join(all[:few], "; "), len(all)-few)
	}
	return strings.Join(all, "; ")
}

func firstOf[T any](all []T) []T { return all[:min(len(all), shownFiles)] }

// encode is the form that documents are written in.
func encode(document any) ([]byte, error) {
	text, err := json.MarshalIndent(document, "", " ")
	if err != nil {
		return nil, fault.New(fault.Bug, "Encode", "%w", err)
	}
	// Foreign text does nothing to a terminal: for a control, fault writes what JSON escapes it by.
	return []byte(fault.Lines(string(text)) + "\n"), nil
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
