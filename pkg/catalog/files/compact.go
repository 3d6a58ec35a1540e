package files

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/fault"
)

// Compactor rewrites files: small ones to large ones, those of which rows are deleted
// to such as have none of these, those of an earlier partition spec to that of today.
// It goes in steps: [Compactor.Plan] of a state of the table, [Compactor.Rewrite] of
// the first of the plan, and [Compactor.Commit] on whatever state there is by then.
// Each is a snapshot of its own that changes no row.
type Compactor struct {
	o        Compaction
	unsorted map[string]bool // files that don't keep the order
	left     map[string]bool // files too large to be sorted
}

// Compaction says how files are rewritten.
type Compaction struct {
	Options
	// Fill, if any, puts values into columns that old rows have none in. It gives
	// a record of its own.
	Fill func(arrow.RecordBatch) (arrow.RecordBatch, error)
	// StepBytes are about as many as one commit takes in; zero is four files' worth.
	StepBytes int64
}

// NewCompactor makes one, which is for one table.
func NewCompactor(o Compaction) *Compactor {
	return &Compactor{o: o, unsorted: map[string]bool{}, left: map[string]bool{}}
}

// Left is the number of files that stay as they are, because their rows are in no
// order and too many to be sorted.
func (c *Compactor) Left() int { return len(c.left) }

// Bounds of a group, whose files are open together where their tiles overlap.
const (
	openRows  = 1 << 19
	openFiles = 256
	groupSize = 1000 // files
	sortRows  = 1 << 18
)

// Plan is what is to be rewritten of a state of a table.
type Plan struct {
	Files, Take       int // data files that there are, and of these to rewrite
	Bytes             int64
	Small, Deletes    int // of Take: files below three quarters of the target, with deletes
	Old               int // of Take: of another partition spec than today's
	Dangling          int // delete files that delete nothing
	groups            []group
	snapshot          int64
	target, stepBytes int64
}

// Empty says whether there is nothing to do.
func (p *Plan) Empty() bool { return len(p.groups) == 0 && p.Dangling == 0 }

// group are files that become one sorted run.
type group struct {
	part  string
	tasks []span
}

// span is a file, and where it begins and ends.
type span struct {
	table.FileScanTask
	low, high          int64
	small, dirty, spec bool
}

// Plan looks for what is to be rewritten. It reads all manifests, and no data.
func (c *Compactor) Plan(ctx context.Context, t *table.Table) (*Plan, error) {
	p := &Plan{target: c.o.TargetBytes, stepBytes: c.o.StepBytes}
	if p.target == 0 {
		p.target = t.Properties().GetInt64(table.WriteTargetFileSizeBytesKey, targetBytes)
	}
	if p.stepBytes == 0 {
		p.stepBytes = 4 * p.target
	}
	if t.CurrentSnapshot() == nil {
		return p, nil
	}
	p.snapshot = t.CurrentSnapshot().SnapshotID
	tasks, err := plan(ctx, t)
	if err != nil {
		return nil, err
	}
	p.Files = len(tasks)
	idle, err := dangling(ctx, t, tasks)
	if err != nil {
		return nil, err
	}
	p.Dangling = len(idle)
	tile, err := column(t, c.o.Keys.Tile)
	if err != nil {
		return nil, err
	}
	parts, err := newPartitioner(t, tile)
	if err != nil {
		return nil, err
	}
	byPart := map[string][]span{}
	for _, task := range tasks {
		if c.left[task.File.FilePath()] {
			continue
		}
		s := c.span(t, task, p.target)
		part, err := partOf(t, parts, s)
		if err != nil {
			return nil, err
		}
		if s.small || s.dirty || s.spec {
			byPart[part] = append(byPart[part], s)
		}
	}
	for part, list := range byPart {
		p.groups = append(p.groups, c.group(part, list, p.stepBytes)...)
	}
	slices.SortFunc(p.groups, func(a, b group) int {
		return cmp.Or(cmp.Compare(a.tasks[0].low, b.tasks[0].low), cmp.Compare(a.part, b.part))
	})
	p.count()
	return p, nil
}

func (c *Compactor) span(t *table.Table, task table.FileScanTask, target int64) span {
	s := span{FileScanTask: task, low: math.MinInt64, high: math.MaxInt64}
	if low, ok := long(task.File.LowerBoundValues()[c.o.Keys.Tile]); ok {
		s.low = low
	}
	if high, ok := long(task.File.UpperBoundValues()[c.o.Keys.Tile]); ok {
		s.high = high
	}
	s.small = task.File.FileSizeBytes() < target/4*3
	s.dirty = len(task.DeleteFiles)+len(task.DeletionVectorFiles) > 0
	s.spec = int(task.File.SpecID()) != t.Metadata().DefaultPartitionSpec()
	return s
}

// spread are files whose rows go to several partitions, or to ones that their
// bounds don't tell.
const spread = "*"

// partOf is the partition, by today's spec, that all rows of a file belong to.
func partOf(t *table.Table, parts *partitioner, s span) (string, error) {
	spec := t.Spec()
	if !s.spec {
		return spec.PartitionToPath(table.GetPartitionRecord(s.File, spec.PartitionType(t.Schema())), t.Schema()), nil
	}
	if parts == nil || s.low == math.MinInt64 || s.high == math.MaxInt64 {
		return spread, nil
	}
	for _, f := range spec.Fields() {
		switch f.Transform.(type) {
		case iceberg.TruncateTransform, iceberg.VoidTransform: // whatever is between two of a range is in it
		default:
			if s.low != s.high {
				return spread, nil
			}
		}
	}
	first, err := parts.of(s.low)
	if err != nil {
		return "", err
	}
	last, err := parts.of(s.high)
	if err != nil || first.path != last.path {
		return spread, err
	}
	return first.path, nil
}

// group parts the files of a partition where they become too many: what is left of
// each then is for the next plan.
func (c *Compactor) group(part string, list []span, bytes int64) (groups []group) {
	slices.SortFunc(list, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.low, b.low), cmp.Compare(a.File.FilePath(), b.File.FilePath()))
	})
	var now group
	size := int64(0)
	end := func() {
		if len(now.tasks) > 1 || len(now.tasks) == 1 && (now.tasks[0].dirty || now.tasks[0].spec) {
			groups = append(groups, now)
		}
		now, size = group{part: part}, 0
	}
	end()
	for _, s := range list {
		rows, files := c.weight(s), 1
		for _, other := range now.tasks {
			if other.high >= s.low {
				rows, files = rows+c.weight(other), files+1
			}
		}
		if len(now.tasks) > 0 && (size+s.Length > bytes || len(now.tasks) >= groupSize || rows > openRows || files > openFiles) {
			end()
		}
		now.tasks, size = append(now.tasks, s), size+s.Length
	}
	end()
	return groups
}

// weight is about how many rows of a file are in memory while it is read.
func (c *Compactor) weight(s span) int64 {
	if c.sortFirst(s.File) {
		return s.File.Count()
	}
	return min(s.File.Count(), groupRows)
}

// sortFirst says whether a file is read whole and sorted: one that isn't in order, or
// doesn't say so and is small. A large one may be in order all the same.
func (c *Compactor) sortFirst(f iceberg.DataFile) bool {
	id := f.SortOrderID()
	claims := id != nil && *id != table.UnsortedSortOrderID
	return f.Count() <= sortRows && (c.unsorted[f.FilePath()] || !claims)
}

func (p *Plan) count() {
	for _, g := range p.groups {
		for _, s := range g.tasks {
			p.Take++
			p.Bytes += s.Length
			switch {
			case s.spec:
				p.Old++
			case s.dirty:
				p.Deletes++
			default:
				p.Small++
			}
		}
	}
}

func lostRows(t *table.Table, where, format string, a ...any) error {
	return fault.Data(CodeRows, format, a...).On(t.Location()).At("%s", where).Fix("nothing was changed; look for broken files by catalog verify --deep")
}
