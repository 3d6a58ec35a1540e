package report

import (
	"fmt"
	"html"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
)

// Table is rows under a header. It renders itself for a page and for a terminal.
type Table struct {
	Header []string
	Rows   [][]string
}

// Add appends a row of any values.
func (t *Table) Add(cells ...any) {
	row := make([]string, len(cells))
	for i, c := range cells {
		switch v := c.(type) {
		case float32, float64:
			row[i] = fmt.Sprintf("%.4g", v)
		default:
			row[i] = fmt.Sprint(v)
		}
	}
	t.Rows = append(t.Rows, row)
}

// HTML renders the table; every cell is escaped.
func (t *Table) HTML() string {
	var b strings.Builder
	b.WriteString("<table>")
	line := func(tag string, cells []string) {
		b.WriteString("<tr>")
		for _, c := range cells {
			fmt.Fprintf(&b, "<%s>%s</%s>", tag, html.EscapeString(fault.Text(c)), tag)
		}
		b.WriteString("</tr>\n")
	}
	if len(t.Header) > 0 {
		line("th", t.Header)
	}
	for _, r := range t.Rows {
		line("td", r)
	}
	b.WriteString("</table>\n")
	return b.String()
}

// Text renders the table with aligned columns, each line behind an indent.
func (t *Table) Text(indent string) string {
	var lines [][]string
	if len(t.Header) > 0 {
		lines = append(lines, t.Header)
	}
	for _, row := range t.Rows {
		shown := make([]string, len(row))
		for i, c := range row {
			shown[i] = fault.Text(c)
		}
		lines = append(lines, shown)
	}
	var width []int
	for _, l := range lines {
		for i, c := range l {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], len([]rune(c)))
		}
	}
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(indent)
		for i, c := range l {
			if i == len(l)-1 {
				b.WriteString(c)
				break
			}
			fmt.Fprintf(&b, "%-*s  ", width[i], c)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Bytes shows a size as people read it, in powers of 1000.
func Bytes(n int64) string {
	const units = "kMGTP"
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	v, u := float64(n)/1000, 0
	for v >= 999.95 && u < len(units)-1 {
		v, u = v/1000, u+1
	}
	return fmt.Sprintf("%.1f %cB", v, units[u])
}

// list renders names as a list, the first few of many.
func list(title string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	const shown = 100
	var b strings.Builder
	fmt.Fprintf(&b, "<h3>%s: %d</h3><ul>", html.EscapeString(title), len(names))
	for i, n := range names {
		if i == shown {
			fmt.Fprintf(&b, "<li>and %d more</li>", len(names)-shown)
			break
		}
		fmt.Fprintf(&b, "<li>%s</li>", html.EscapeString(n))
	}
	b.WriteString("</ul>\n")
	return b.String()
}

// Facts renders names and values, given in turn.
func Facts(pairs ...any) string {
	t := Table{}
	for i := 0; i+1 < len(pairs); i += 2 {
		t.Add(pairs[i], pairs[i+1])
	}
	return t.HTML()
}
