package catalog_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cosmostat/constellation/internal/testing/catalogtest"
	"github.com/cosmostat/constellation/pkg/campaign"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/settings"
)

// The race is run by processes, so that they can be killed, and stopped for so
// long that the others give them up. A worker's name is its process number.

const (
	workerEnv = "CONSTELLATION_TEST_CAMPAIGN"
	raceTiles = 24
)

// orders is what a worker is told.
type orders struct {
	Settings settings.Catalog
	GivenUp  string // a directory with a file for each process that is to count as dead
	Go       string // whoever holds leases waits for this file before it commits
}

func (o orders) request(holder string) campaign.Request {
	r := campaign.Request{ConfigID: config, SubTiles: 4, Limit: 3, Holder: holder, Expiry: time.Hour, MaxAttempts: 1000, Alive: o.alive}
	for id := range int64(raceTiles) {
		r.Tiles = append(r.Tiles, 100+id)
	}
	return r
}

func (o orders) alive(_ context.Context, holder string) (alive, known bool, err error) {
	if _, err := os.Stat(filepath.Join(o.GivenUp, holder)); err == nil {
		return false, true, nil
	}
	pid, err := strconv.Atoi(holder)
	return err == nil && syscall.Kill(pid, 0) == nil, true, err
}

// asWorker is a process that was told what to do with a catalogue; it returns its status.
func asWorker[Orders any](text string, of func(Orders) settings.Catalog, do func(context.Context, *catalog.Catalog, Orders) error) int {
	err := func() error {
		var o Orders
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			return err
		}
		ctx := context.Background()
		c, err := catalog.Open(ctx, of(o))
		if err != nil {
			return err
		}
		defer c.Close()
		return do(ctx, c, o)
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func worker(text string) int {
	return asWorker(text, func(o orders) settings.Catalog { return o.Settings }, race)
}

// race selects and commits until the survey is done.
func race(ctx context.Context, c *catalog.Catalog, o orders) error {
	pid := os.Getpid()
	for {
		sel, err := campaign.Select(ctx, c, o.request(strconv.Itoa(pid)))
		switch {
		case fault.KindOf(err) == fault.Transient:
			continue
		case err != nil:
			return err
		case sel.Counts.Done == raceTiles:
			return nil
		case len(sel.Leases) == 0: // the others are at the rest
			time.Sleep(50 * time.Millisecond)
		}
		for len(sel.Leases) > 0 && !there(o.Go) {
			time.Sleep(time.Millisecond)
		}
		for _, tile := range sel.Tiles() {
			_, err := c.Commit(ctx, leased(raceBatch(pid, tile), sel.Leases))
			if err != nil && fault.KindOf(err) != fault.Transient && fault.CodeOf(err) != catalog.CodeLeaseLost {
				return err
			}
		}
	}
}

// raceBatch makes rows that no other worker's are equal to.
func raceBatch(pid int, id int64) catalog.Batch {
	shear, sources := tile(id, 1+pid%7, float32(pid))
	for _, rows := range sources {
		for i := range rows {
			rows[i].Flux = new(float32(pid))
		}
	}
	return catalog.Batch{RunID: strconv.Itoa(pid), ConfigID: config, Shear: shear, Sources: chunks(sources...)}
}

// TestRace has processes work on one survey while they are killed, and stopped,
// given up and woken: in the end each tile was committed once.
func TestRace(t *testing.T) {
	catalogtest.Each(t, func(t *testing.T, s settings.Catalog) {
		o := orders{s, t.TempDir(), filepath.Join(t.TempDir(), "go")}
		c := catalogtest.Open(t, s)
		text, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		const workers = 4
		ended := make(chan error)
		running := map[int]*os.Process{}
		start := func() {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), workerEnv+"="+string(text))
			var log strings.Builder
			cmd.Stderr = &log
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			running[cmd.Process.Pid] = cmd.Process
			go func() {
				err := cmd.Wait()
				var exit *exec.ExitError
				if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signaled() {
					err = nil
				} else if err != nil {
					err = fmt.Errorf("worker %d: %w\n%s", cmd.Process.Pid, err, &log)
				}
				ended <- err
			}()
		}
		for range workers {
			start()
		}
		killed, stopped, left := 0, 0, workers
		victim := func() *os.Process {
			for _, p := range running { // in no order
				return p
			}
			return nil
		}
		tick := time.NewTicker(400 * time.Millisecond)
		defer tick.Stop()
		for left > 0 {
			select {
			case err := <-ended:
				left--
				if err != nil {
					t.Error(err)
				}
			case <-tick.C:
				sel, err := c.Ledger(t.Context(), config)
				if err != nil {
					t.Fatal(err)
				}
				p := victim()
				if len(sel.Held()) == 0 || p == nil || killed+stopped == 10 {
					continue
				}
				delete(running, p.Pid)
				if rand.IntN(2) == 0 {
					p.Signal(syscall.SIGKILL)
					killed++
				} else {
					p.Signal(syscall.SIGSTOP)
					if err := os.WriteFile(filepath.Join(o.GivenUp, strconv.Itoa(p.Pid)), nil, 0o644); err != nil {
						t.Fatal(err)
					}
					time.AfterFunc(1500*time.Millisecond, func() { p.Signal(syscall.SIGCONT) })
					stopped++
				}
				start()
				left++
				if err := os.WriteFile(o.Go, nil, 0o644); err != nil { // now somebody was, whatever comes
					t.Fatal(err)
				}
			}
		}
		// Whoever committed last had nobody to end leases of its that were given up.
		tidy := o.request("tidy")
		tidy.Alive = func(context.Context, string) (alive, known bool, err error) { return false, true, nil }
		sel, err := campaign.Select(t.Context(), c, tidy)
		if err != nil || len(sel.Leases) > 0 || sel.Counts.Done != raceTiles {
			t.Errorf("at the end: %+v, %v", sel, err)
		}
		if l := ledger(t, c); len(l) != 0 {
			t.Errorf("leases are left: %+v", l)
		}
		commits, err := c.Commits(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for id := range int64(raceTiles) {
			id += 100
			if n := len(commits[strconv.FormatInt(id, 10)]); n != 1 {
				t.Errorf("tile %d was committed %d times", id, n)
			}
			// Shear and sources are one holder's, whole and once.
			got := contents(t, c, catalog.Filter{ConfigID: config, Tiles: []int64{id}})
			if len(got) != 2 {
				t.Errorf("tile %d: %v", id, got)
			}
			for what, n := range got {
				words := strings.Fields(what)
				pid, _ := strconv.Atoi(words[3])
				if want := map[string]int{"shear": 4, "source": 4 * (1 + pid%7)}[words[0]]; n != want {
					t.Errorf("tile %d: %d of %q, want %d", id, n, what, want)
				}
				if other := "source " + strings.Join(words[1:4], " "); got[other] == 0 {
					t.Errorf("tile %d: shear and sources are of different holders: %v", id, got)
				}
			}
		}
		t.Logf("%d workers were killed, %d stopped, given up and woken", killed, stopped)
	})
}
