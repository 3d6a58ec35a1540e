package catalog_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cosmostat/constellation/internal/testing/await"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
)

const upkeepEnv = "CONSTELLATION_TEST_UPKEEP"

// upkeep is what a process is told.
type upkeep struct {
	Settings settings.Catalog
	Die      string // commit a tile, and die when this table is about to change
	Tile     int64
	Stop     string // else expire until this file is there; empty: once
	Signs    string // a directory: a file is made in it for each plan that was made
	Go       string // a plan waits for this file, if it is not empty
	Compact  bool   // compact the tables, and expire nothing
}

func upkeepWorker(text string) int {
	return asWorker(text, func(o upkeep) settings.Catalog { return o.Settings }, lookAfter)
}

func lookAfter(ctx context.Context, c *catalog.Catalog, o upkeep) error {
	if o.Die != "" {
		c.Pause(func(table string) {
			if table == o.Die {
				syscall.Kill(os.Getpid(), syscall.SIGKILL)
			}
		})
		_, err := c.Commit(ctx, batch("dead", config, o.Tile, 5, 0.5))
		return fmt.Errorf("it lived: %w", err)
	}
	if o.Compact {
		return compactUntil(ctx, c, o.Stop)
	}
	store := objstore.Open(ctx, objstore.Config{})
	var total catalog.Expired
	for rounds := 1; ; rounds++ {
		x, err := c.PlanExpiry(ctx, store, catalog.Retention{Before: time.Now(), Keep: 1})
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(o.Signs, fmt.Sprint(os.Getpid(), "-", rounds)), nil, 0o666); err != nil {
			return err
		}
		for o.Go != "" && !there(o.Go) {
			time.Sleep(time.Millisecond)
		}
		done, err := c.Expire(ctx, store, x)
		if err != nil {
			return err
		}
		total.Snapshots += done.Snapshots
		total.Files.Count += done.Files.Count
		if o.Stop == "" || there(o.Stop) {
			fmt.Printf("%d snapshots, %d files, %d rounds", total.Snapshots, total.Files.Count, rounds)
			return nil
		}
	}
}

// compactUntil compacts again and again; where others come first too often, it is for
// the next time.
func compactUntil(ctx context.Context, c *catalog.Catalog, stop string) error {
	var total [4]int
	for !there(stop) {
		list, err := c.Compact(ctx, catalog.CompactOptions{})
		if err != nil && fault.CodeOf(err) != catalog.CodeConflict && fault.CodeOf(err) != catalog.CodeTable {
			return err
		}
		for _, t := range list {
			total = [4]int{total[0] + 1, total[1] + t.Taken, total[2] + t.Written, total[3] + t.Lost}
		}
		time.Sleep(50 * time.Millisecond)
	}
	fmt.Fprintf(os.Stderr, "%d tables, %d files became %d, others came first %d times\n", total[0], total[1], total[2], total[3])
	return nil
}

func there(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// signs waits until the workers have made so many plans.
func signs(t *testing.T, dir string, n int) {
	t.Helper()
	await.Until(t, fmt.Sprintf("the workers make %d plans", n), func() bool {
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(files) >= n
	})
}

// worker starts a process.
func (s site) worker(t *testing.T, o upkeep) *exec.Cmd {
	t.Helper()
	o.Settings = s.Catalog
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), upkeepEnv+"="+string(text))
	cmd.Stdout, cmd.Stderr = new(strings.Builder), new(strings.Builder)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	return cmd
}

// die has a process commit a tile and be killed before a table has it.
func (s site) die(t *testing.T, table string, tile int64) {
	t.Helper()
	cmd := s.worker(t, upkeep{Die: table, Tile: tile})
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || !exit.Sys().(syscall.WaitStatus).Signaled() {
		t.Fatalf("it was to be killed: %v\n%s", err, cmd.Stderr)
	}
}

// readers is what PyIceberg and DuckDB see, where they can look; see TestOtherReaders.
func (s site) readers(t *testing.T, c *catalog.Catalog) string {
	t.Helper()
	python := os.Getenv("CONSTELLATION_PYTHON")
	switch {
	case python == "":
		t.Log("SKIPPED: no independent reader looked before and after; set CONSTELLATION_PYTHON")
		return ""
	case !strings.HasPrefix(c.URI(), "sqlite") || strings.HasPrefix(s.Warehouse, "s3"):
		return "" // what the script opens is SQLite with a directory
	}
	cmd := exec.Command(python, "testdata/read_table.py", c.URI(), c.Location(), s.Namespace, s.Table)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
