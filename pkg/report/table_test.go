package report_test

import (
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/report"
)

func TestTable(t *testing.T) {
	table := report.Table{Header: []string{"name", "n"}}
	table.Add("<script>", 0.123456)
	table.Add("é", 12)
	if got, want := table.Text("  "), "  name      n\n  <script>  0.1235\n  é         12\n"; got != want {
		t.Errorf("text:\n%s\nwant:\n%s", got, want)
	}
	if page := table.HTML(); strings.Contains(page, "<script>") || !strings.Contains(page, "<td>&lt;script&gt;</td>") {
		t.Errorf("not escaped: %s", page)
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 7315678080: "7.3 GB", 999_960_000: "1.0 GB", 5e15: "5.0 PB"} {
		if got := report.Bytes(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

// A cell is one line, and nothing but text.
func TestTableOfForeignText(t *testing.T) {
	table := report.Table{Header: []string{"name"}}
	table.Add("a\x1b]0;x\x07\nb\u202e")
	for _, s := range []string{table.HTML(), table.Text("")} {
		if strings.ContainsAny(s, "\x1b\x07\u202e") || !strings.Contains(s, `a\u001b]0;x\u0007\u000ab\u202e`) {
			t.Errorf("%q", s)
		}
	}
}
