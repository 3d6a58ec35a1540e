package files

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go/table"
)

// errUnsorted is that of a file whose rows aren't in order.
var errUnsorted = errors.New("rows are not in order")

// mergeRows is about what is given at a time.
const mergeRows = 16 << 10

// merge reads files together, in the order of their rows. A file is open from its
// first tile to its last.
type merge struct {
	c       *Compactor
	table   *table.Table
	order   []string // columns
	lineage bool
	wait    []*stream // by their first tile
	open    []*stream
}

// stream is a file that is being read.
type stream struct {
	m     *merge
	span  span
	want  int64 // rows that are there
	close func()
	next  func() (arrow.RecordBatch, error, bool)

	rec  arrow.RecordBatch
	keys [][]int64
	at   int
	read int64
	last []int64
}

func (c *Compactor) merge(t *table.Table, g group, want map[string]int64, lineage bool) (*merge, error) {
	m := &merge{c: c, table: t, lineage: lineage}
	tile, err := column(t, c.o.Keys.Tile)
	if err != nil {
		return nil, err
	}
	fields := t.Schema().Fields()
	for _, at := range newOrder(t, fields).cols {
		m.order = append(m.order, fields[at].Name)
	}
	if len(m.order) == 0 || m.order[0] != tile.Name {
		m.order = []string{tile.Name}
	}
	for _, s := range g.tasks {
		m.wait = append(m.wait, &stream{m: m, span: s, want: want[s.File.FilePath()]})
	}
	return m, nil
}

// records gives all rows, in order; a record is the caller's until the next.
func (m *merge) records(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		var pieces []arrow.RecordBatch
		rows := 0
		defer func() {
			dropAll(pieces)
			for _, s := range m.open {
				s.end()
			}
		}()
		flush := func() bool {
			rec, err := joined(pieces)
			pieces, rows = pieces[:0], 0
			if err != nil {
				return yield(nil, err) && false
			}
			defer rec.Release()
			return yield(rec, nil)
		}
		for {
			if err := m.openDue(ctx); err != nil {
				yield(nil, err)
				return
			}
			if len(m.open) == 0 {
				break
			}
			s, to := m.run()
			pieces = append(pieces, s.rec.NewSlice(int64(s.at), int64(to)))
			rows += to - s.at
			s.at = to
			if err := m.step(s); err != nil {
				yield(nil, err)
				return
			}
			if rows >= mergeRows && !flush() {
				return
			}
		}
		if rows > 0 {
			flush()
		}
	}
}

// openDue opens the files that rows may come next from.
func (m *merge) openDue(ctx context.Context) error {
	for len(m.wait) > 0 {
		if len(m.open) > 0 {
			if first, _ := m.least(nil); first.keys[0][first.at] < m.wait[0].span.low {
				return nil
			}
		}
		s := m.wait[0]
		m.wait = m.wait[1:]
		m.open = append(m.open, s)
		if err := s.start(ctx); err != nil {
			return err
		}
		if err := m.step(s); err != nil {
			return err
		}
	}
	return nil
}

// step reads on in a stream whose record is used up, and ends it where it ends.
func (m *merge) step(s *stream) error {
	if s.rec != nil && s.at < int(s.rec.NumRows()) {
		return nil
	}
	more, err := s.advance()
	if err != nil {
		return fmt.Errorf("%s: %w", s.span.File.FilePath(), err)
	}
	if !more {
		s.end()
		m.open = slices.DeleteFunc(m.open, func(o *stream) bool { return o == s })
	}
	return nil
}

// least is the stream whose next row comes first, but for one.
func (m *merge) least(but *stream) (first *stream, any bool) {
	for _, s := range m.open {
		if s != but && (first == nil || s.compare(s.at, first) < 0) {
			first = s
		}
	}
	return first, first != nil
}

// run is how far the first stream goes before another one's turn.
func (m *merge) run() (s *stream, to int) {
	s, _ = m.least(nil)
	next, any := m.least(s)
	if !any && len(m.wait) == 0 {
		return s, int(s.rec.NumRows())
	}
	to = s.at + 1
	for to < int(s.rec.NumRows()) && (!any || s.compare(to, next) <= 0) && (len(m.wait) == 0 || s.keys[0][to] < m.wait[0].span.low) {
		to++
	}
	return s, to
}

// compare holds a row to another stream's next.
func (s *stream) compare(row int, other *stream) int {
	for k, values := range s.keys {
		if a, b := values[row], other.keys[k][other.at]; a != b {
			if a < b {
				return -1
			}
			return 1
		}
	}
	return 0
}

// start opens the file, with what is deleted of it left out.
func (s *stream) start(ctx context.Context) error {
	o := []table.ScanOption{table.WithMaxConcurrency(1), table.WithArrowBatchSize(mergeRows)}
	if s.m.lineage {
		o = append(o, table.WithRowLineage())
	}
	scan := s.m.table.Scan(o...)
	_, records, err := scan.ReadTasks(ctx, []table.FileScanTask{s.span.FileScanTask})
	if err != nil {
		_ = scan.Close()
		return fmt.Errorf("%s: %w", s.span.File.FilePath(), err)
	}
	next, stop := iter.Pull2(records)
	s.close = func() { stop(); _ = scan.Close() }
	s.next = func() (arrow.RecordBatch, error, bool) { return next() }
	if s.m.c.sortFirst(s.span.File) {
		once := false
		s.next = func() (arrow.RecordBatch, error, bool) {
			if once {
				return nil, nil, false
			}
			once = true
			rec, err := s.sorted(next)
			return rec, err, rec != nil || err != nil
		}
	}
	return nil
}

func (s *stream) end() {
	if s.rec != nil {
		s.rec.Release()
		s.rec = nil
	}
	if s.close != nil {
		s.close()
		s.close = nil
	}
}

// advance reads the next record that has rows; more is false at the end, where all
// rows must have come.
func (s *stream) advance() (more bool, err error) {
	for {
		if s.rec != nil {
			s.rec.Release()
			s.rec = nil
		}
		rec, err, ok := s.next()
		if !ok {
			if s.read != s.want {
				return false, lostRows(s.m.table, s.span.File.FilePath(), "a file gave %d rows, and %d are there by its count and its deletes", s.read, s.want)
			}
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if s.rec = rec; rec.NumRows() == 0 {
			continue
		}
		s.at = 0
		s.read += rec.NumRows()
		if s.keys, err = s.m.keysOf(rec); err != nil {
			return false, err
		}
		if err := s.rising(); err != nil {
			s.m.c.distrust(s.span.File)
			return false, err
		}
		if fill := s.m.c.o.Fill; fill != nil {
			if s.rec, err = fill(rec); err != nil {
				s.rec = rec
				return false, err
			}
			rec.Release()
		}
		return true, nil
	}
}

func (s *stream) rising() error {
	n := len(s.keys[0])
	for k, before := range s.last {
		if first := s.keys[k][0]; first < before {
			return errUnsorted
		} else if first > before {
			break
		}
	}
	for i := 1; i < n; i++ {
		if compareRows(s.keys, i-1, i) > 0 {
			return errUnsorted
		}
	}
	s.last = s.last[:0]
	for _, values := range s.keys {
		s.last = append(s.last, values[n-1])
	}
	return nil
}

func compareRows(keys [][]int64, a, b int) int {
	for _, values := range keys {
		if x, y := values[a], values[b]; x != y {
			if x < y {
				return -1
			}
			return 1
		}
	}
	return 0
}

// keysOf are the values that rows are ordered by; none comes first.
func (m *merge) keysOf(rec arrow.RecordBatch) ([][]int64, error) {
	keys := make([][]int64, len(m.order))
	for k, name := range m.order {
		at := rec.Schema().FieldIndices(name)
		if len(at) != 1 {
			return nil, fmt.Errorf("no column %q", name)
		}
		values := rec.Column(at[0])
		list := make([]int64, values.Len())
		switch v := values.(type) {
		case *array.Int64:
			copy(list, v.Int64Values())
		case *array.Int32:
			for i, x := range v.Int32Values() {
				list[i] = int64(x)
			}
		default:
			return nil, fmt.Errorf("column %q is a %s", name, values.DataType())
		}
		if values.NullN() > 0 {
			for i := range list {
				if values.IsNull(i) {
					list[i] = math.MinInt64
				}
			}
		}
		keys[k] = list
	}
	return keys, nil
}
