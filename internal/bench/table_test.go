package bench

import (
	"fmt"
	"io"
	"os"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/cosmostat/constellation/internal/testing/s3test"
)

// TestMain is also the S3 server.
func TestMain(m *testing.M) {
	code := s3test.Main(m)
	results.print(os.Stdout)
	os.Exit(code)
}

// table is a readable account of what was measured; the benchmarks' own lines
// have the same numbers for benchstat.
type table struct{ sections []*section }

type section struct {
	title   string
	columns []any
	rows    [][]any
}

var results table

func (t *table) section(title string, columns ...any) *section {
	s := &section{title: title, columns: columns}
	t.sections = append(t.sections, s)
	return s
}

func (s *section) row(cells ...any) { s.rows = append(s.rows, cells) }

func (t *table) print(w io.Writer) {
	for _, s := range t.sections {
		if len(s.rows) == 0 {
			continue
		}
		fmt.Fprintf(w, "\n%s\n", s.title)
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		for _, row := range append([][]any{s.columns}, s.rows...) {
			for _, cell := range row {
				fmt.Fprintf(tw, "%v\t", cell)
			}
			fmt.Fprintln(tw)
		}
		tw.Flush()
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

func millis(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1e3) }

// size is a number of bytes in decimal units.
func size(n int64) string {
	switch f := float64(n); {
	case n >= 1e9:
		return fmt.Sprintf("%.2f GB", f/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", f/1e6)
	}
	return fmt.Sprintf("%.1f kB", float64(n)/1e3)
}
