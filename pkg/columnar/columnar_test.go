package columnar_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/google/go-cmp/cmp"

	"github.com/cosmostat/constellation/pkg/columnar"
	"github.com/cosmostat/constellation/pkg/fault"
)

type thing struct {
	ID      int64
	Cell    uint64
	Row     int32
	RA      float64
	G       *float32
	Name    string
	Method  string
	Outline []float64
	Steps   []int32
}

func columns() []columnar.Column[thing] {
	return []columnar.Column[thing]{
		columnar.Field("id", func(t *thing) any { return &t.ID }),
		columnar.Field("cell", func(t *thing) any { return &t.Cell }),
		columnar.Field("row", func(t *thing) any { return &t.Row }),
		columnar.Field("ra", func(t *thing) any { return &t.RA }),
		{Name: "g", Ref: func(t *thing) any { return &t.G }},
		columnar.Field("name", func(t *thing) any { return &t.Name }),
		{Name: "method", Ref: func(t *thing) any { return &t.Method }},
		columnar.Field("outline", func(t *thing) any { return &t.Outline }),
		columnar.Field("steps", func(t *thing) any { return &t.Steps }),
	}
}

func things(n int) []thing {
	all := make([]thing, n)
	for i := range all {
		t := &all[i]
		*t = thing{ID: -int64(i) << 40, Cell: math.MaxUint64 - uint64(i), Row: int32(i), RA: float64(i) / 7, Name: fmt.Sprint("n", i%5)}
		if i%3 == 0 {
			t.G, t.Method = new(float32(i)), "map"
		}
		for k := range i % 4 {
			t.Outline, t.Steps = append(t.Outline, float64(i+k)), append(t.Steps, int32(k), -int32(i))
		}
	}
	return all
}

// write makes a file of groups of rows.
func write(w io.Writer, rows []thing, group int) error {
	out, err := columnar.NewWriter(w, columns(), parquet.WithCompression(compress.Codecs.Snappy))
	if err != nil {
		return err
	}
	for len(rows) > 0 {
		n := min(group, len(rows))
		if err := out.Group(rows[:n]); err != nil {
			return err
		}
		rows = rows[n:]
	}
	if err := out.Note("made by", "a test"); err != nil {
		return err
	}
	return out.Close()
}

func read[T any](cols []columnar.Column[T], data []byte) (all []T, err error) {
	in := columnar.Reader[T]{Columns: cols, Corrupt: "Corrupt", Missing: "Missing", Invalid: "Invalid", Remedy: "mend it"}
	err = in.Scan(bytes.NewReader(data), int64(len(data)), func(rows []T) error {
		all = append(all, rows...)
		return nil
	})
	if differs := byColumn(in, data, all, err); differs != nil {
		return nil, differs
	}
	return all, err
}

func TestRoundTrip(t *testing.T) {
	for _, n := range []int{0, 1, 5000, 20000} { // more than the decoder takes at once, and than a group
		var a, b bytes.Buffer
		want := things(n)
		for _, w := range []*bytes.Buffer{&a, &b} {
			if err := write(w, want, 9000); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Errorf("%d rows: the same rows gave other bytes", n)
		}
		got, err := read(columns(), a.Bytes())
		if err != nil || len(got) != n {
			t.Fatalf("%d of %d rows, %v", len(got), n, err)
		}
		if diff := cmp.Diff(want, got); n > 0 && diff != "" {
			t.Errorf("%d rows (-want +got)\n%.2000s", n, diff)
		}
	}
}

// TestWriterFails: wherever the underlying writer fails, that is an error.
func TestWriterFails(t *testing.T) {
	var whole bytes.Buffer
	rows := things(60)
	if err := write(&whole, rows, 20); err != nil {
		t.Fatal(err)
	}
	full := errors.New("no room")
	for n := range whole.Len() {
		if err := write(&limited{n, full}, rows, 20); !errors.Is(err, full) {
			t.Fatalf("after %d of %d bytes: %v", n, whole.Len(), err)
		}
	}
}

type limited struct {
	room int
	err  error
}

func (l *limited) Write(p []byte) (int, error) {
	if n := l.room; n < len(p) {
		l.room = 0
		return n, l.err
	}
	l.room -= len(p)
	return len(p), nil
}

// TestOtherTypes: values that fit are taken, whatever their width; what doesn't
// is named by column and row.
func TestOtherTypes(t *testing.T) {
	type other struct {
		ID, Large int64
		RA        float64
		Name      string
	}
	var b bytes.Buffer
	out, err := columnar.NewWriter(&b, []columnar.Column[other]{
		columnar.Field("Row", func(o *other) any { return &o.ID }), columnar.Field("big", func(o *other) any { return &o.Large }),
		columnar.Field("ra", func(o *other) any { return &o.RA }), {Name: "name", Ref: func(o *other) any { return &o.Name }},
	})
	for range 2 {
		if err == nil {
			err = out.Group([]other{{ID: 7, Large: 1, RA: 0.5, Name: "a"}, {ID: 8, Large: 1 << 40, RA: 1e300}})
		}
	}
	if err == nil {
		err = out.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	type mine struct {
		Row  int32
		G    *float32
		Name string
		List []float64
	}
	row := func(m *mine) any { return &m.Row }
	g := func(m *mine) any { return &m.G }
	for name, c := range map[string]struct {
		column     columnar.Column[mine]
		code, says string
	}{
		"fits":       {columnar.Field("Row", row), "", ""},
		"absent":     {columnar.Column[mine]{Name: "none", Ref: g}, "", ""},
		"missing":    {columnar.Field("row", row), "Missing", "column row"},
		"too large":  {columnar.Field("big", row), "Invalid", "column big, row 1: 1099511627776 is out of range"},
		"too small":  {columnar.Field("ra", g), "Invalid", "column ra, row 1"},
		"no integer": {columnar.Field("ra", row), "Missing", "it must be an integer"},
		"no number":  {columnar.Field("name", g), "Missing", "it must be a floating-point number"},
		"no list":    {columnar.Field("ra", func(m *mine) any { return &m.List }), "Missing", "it must be a list"},
		"a null":     {columnar.Field("name", func(m *mine) any { return &m.Name }), "", ""},
	} {
		got, err := read([]columnar.Column[mine]{c.column}, b.Bytes())
		if fault.CodeOf(err) != c.code || !strings.Contains(fmt.Sprint(err), c.says) || c.code != "" && (fault.KindOf(err) != fault.BadData || !strings.Contains(err.Error(), "mend it")) {
			t.Errorf("%s: %v", name, err)
		}
		if name == "fits" && (len(got) != 4 || got[3].Row != 8) {
			t.Errorf("%+v", got)
		}
	}
	folded := columnar.Reader[mine]{Columns: []columnar.Column[mine]{columnar.Field("ROW", row)}, AnyCase: true}
	if err := folded.Scan(bytes.NewReader(b.Bytes()), int64(b.Len()), func([]mine) error { return nil }); err != nil {
		t.Error(err)
	}
}

// FuzzRead: whatever the bytes, there are rows or an error that says bad data.
func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	if err := write(&b, things(30), 20); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(b.Bytes()[:b.Len()/2])
	f.Add([]byte("PAR1PAR1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := read(columns(), data); err != nil && fault.KindOf(err) != fault.BadData {
			t.Error(err)
		}
	})
}

func Example() {
	type galaxy struct {
		ID   int64
		Flux *float32
	}
	cols := []columnar.Column[galaxy]{
		columnar.Field("ID", func(g *galaxy) any { return &g.ID }),
		{Name: "FLUX", Unit: "uJy", Ref: func(g *galaxy) any { return &g.Flux }},
	}
	var b bytes.Buffer
	out, err := columnar.NewWriter(&b, cols)
	if err == nil {
		err = out.Group([]galaxy{{ID: 1, Flux: new(float32(2.5))}, {ID: 2}})
	}
	if err == nil {
		err = out.Close()
	}
	rows, _ := read(cols, b.Bytes())
	fmt.Println(len(rows), *rows[0].Flux, rows[1].Flux, err)
	// Output: 2 2.5 <nil> <nil>
}
