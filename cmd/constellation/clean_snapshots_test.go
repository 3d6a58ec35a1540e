package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cosmostat/constellation/cmd/internal/cli"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/survey"
)

// TestCleanSnapshots is the verb as people type it.
func TestCleanSnapshots(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "c.yaml")
	text := "field_name: X\ntile_ids: [7]\ndata: {vis_base_uri: /v, mer_base_uri: /m, catalog_base_uri: /c}\n" +
		"output: {storage_base_uri: " + dir + "/products, catalog_warehouse: " + dir + "/w, catalog_namespace: shear, catalog_table: t}\nengine: mock\n"
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	clean := func(args ...string) (string, error) {
		var stdout, stderr bytes.Buffer
		err := cli.Execute(t.Context(), command(), append([]string{"clean", "--config", file, "--snapshots"}, args...), &stdout, &stderr)
		if stderr.Len() > 0 {
			t.Errorf("%v: %s", args, &stderr)
		}
		return stdout.String(), err
	}
	refused := func(want string, args ...string) {
		t.Helper()
		if out, err := clean(args...); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || out != "" {
			t.Errorf("%v: %v, not %q\n%s", args, err, want, out)
		}
	}
	says := func(out string, lines ...string) {
		t.Helper()
		for _, line := range lines {
			if !regexp.MustCompile(`(?m)^` + line + `$`).MatchString(out) {
				t.Errorf("no line %q in\n%s", line, out)
			}
		}
	}
	refused(dir + "/w/catalog.db: there is no catalogue (output.catalog_uri")
	if _, err := os.Stat(filepath.Join(dir, "w")); !os.IsNotExist(err) {
		t.Errorf("looking made a warehouse: %v", err)
	}
	refused("output.catalog_uri", "--set", "output.catalog_warehouse=s3://bucket")

	c, err := catalog.Open(t.Context(), settings.Catalog{Warehouse: dir + "/w", Namespace: "shear", Table: "t"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	refused("the catalogue has no table shear.t (output.catalog_namespace")
	for i := range 14 {
		g := float32(i)
		row := results.Shear{TileID: 7, Status: survey.StatusOK, G1: &g, G2: &g}
		if _, err := c.Commit(t.Context(), catalog.Batch{RunID: "run", ConfigID: "c", Shear: []results.Shear{row}}); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(1100 * time.Millisecond) // ages are in whole seconds

	out, err := clean()
	if err != nil || strings.Count(out, "nothing to remove") != 2 || strings.Contains(out, "dry run") {
		t.Errorf("nothing is 72 hours old: %v\n%s", err, out)
	}
	out, err = clean("--older-than", "0s")
	if err != nil {
		t.Fatal(err)
	}
	says(out, `table shear\.t, below file://`+regexp.QuoteMeta(dir)+`/w/shear/t`,
		`  old snapshots +4 from 20\d\d-\d\d-\d\d \d\d:\d\d UTC to 20\d\d-\d\d-\d\d \d\d:\d\d UTC; 10 stay`,
		`  metadata files without a use +\d+, [\d.]+ kB, e\.g\. file://.*`,
		`this was a dry run: nothing was removed; --yes removes it`)
	t.Logf("\n%s", out)
	if out, err = clean("--older-than", "0s", "--keep-snapshots", "3", "--yes"); err != nil {
		t.Fatal(err)
	}
	says(out, `  old snapshots +11 from .*; 3 stay`, `11 snapshots and \d+ files \([\d.]+ kB\) were removed`)
	t.Logf("\n%s", out)
	if out, err = clean("--older-than", "0s", "--keep-snapshots", "3", "--yes"); err != nil || strings.Contains(out, "removed") {
		t.Errorf("again: %v\n%s", err, out)
	}
	says(out, `  nothing to remove`)
	if _, err := c.Compact(t.Context(), catalog.CompactOptions{}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond)
	if out, err = clean("--older-than", "0s", "--keep-snapshots", "1", "--yes"); err != nil {
		t.Fatal(err)
	}
	says(out, `  old snapshots +3 from .*; 1 stay`, `  data files without a use +27, [\d.]+ kB, e\.g\. file://.*\.parquet`) // 14 of rows, 13 of deletes
	n := 0
	for r, err := range c.Rows(t.Context(), catalog.Filter{}) {
		if n++; err != nil || *r.G1 != 13 {
			t.Errorf("%+v, %v", r, err)
		}
	}
	if n != 1 {
		t.Errorf("%d rows are left", n)
	}
	err = c.Amend(t.Context(), "c", func(l *catalog.Ledger) ([]catalog.Lease, error) {
		return []catalog.Lease{{TileID: 8, Holder: "somebody", Token: l.Token, Since: time.Now(), Expires: time.Now().Add(time.Hour)}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond)
	if out, err = clean("--older-than", "0s", "--keep-snapshots", "1"); err != nil {
		t.Fatal(err)
	}
	says(out, `kept: what was in use since 20.* UTC: tile 8, leased to somebody until 20.*`, `  nothing to remove`)

	refused("--run-id has no meaning with --snapshots", "--run-id", "x")
	refused("--keep-snapshots 0: the current snapshot stays", "--keep-snapshots", "0")
	refused("--older-than -1h0m0s: nothing is that young", "--older-than", "-1h")
	refused("--older-than \"3d\": a time such as", "--older-than", "3d")
}
