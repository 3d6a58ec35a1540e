package catalog_test

import (
	"bytes"
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
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
)

// Workers and kills of the storm, for larger ones by hand: 20 and 100.
var (
	stormWorkers = number("CONSTELLATION_STORM_WORKERS", 4)
	stormKills   = number("CONSTELLATION_STORM_KILLS", 8)
)

func number(env string, usual int) int {
	if n, err := strconv.Atoi(os.Getenv(env)); err == nil {
		return n
	}
	return usual
}

// storm is a group of processes, of which some are killed and begun again.
type storm struct {
	t       *testing.T
	running map[int]*os.Process
	ended   chan error
	left    int
}

// start begins a process, which is told what to do by its environment.
func (s *storm) start(env, text string) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), env+"="+text)
	var log strings.Builder
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.running[cmd.Process.Pid] = cmd.Process
	s.left++
	go func() {
		err := cmd.Wait()
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signaled() {
			err = nil
		} else if err != nil {
			err = fmt.Errorf("process %d: %w\n%s", cmd.Process.Pid, err, &log)
		} else if log.Len() > 0 {
			s.t.Log(&log)
		}
		s.ended <- err
	}()
}

// kill ends one of them, whichever.
func (s *storm) kill() bool {
	for pid, p := range s.running { // in no order
		delete(s.running, pid)
		return p.Kill() == nil
	}
	return false
}

// TestStorm has processes work on a survey and be killed, while others remove old
// snapshots and compact the tables, and PyIceberg appends rows of its own, renames
// and widens columns and changes the partition spec. In the end each row is there
// once, and every file is what the tables say.
func TestStorm(t *testing.T) {
	python := os.Getenv("CONSTELLATION_PYTHON")
	if python == "" {
		t.Skip("SKIPPED: nobody else writes to the tables; set CONSTELLATION_PYTHON")
	}
	catalogtest.Databases(t, func(t *testing.T, s settings.Catalog) {
		c := catalogtest.Open(t, s)
		if err := c.Make(t.Context()); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		stop := filepath.Join(dir, "stop")
		o := orders{s, t.TempDir(), filepath.Join(dir, "go")}
		if err := os.WriteFile(o.Go, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		meddler := exec.Command(python, "testdata/meddle.py", s.URI, "file://"+s.Warehouse, s.Namespace, s.Table, stop)
		var theirs, complaint bytes.Buffer
		meddler.Stdout, meddler.Stderr = &theirs, &complaint
		if err := meddler.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { meddler.Process.Kill() })
		others := &storm{t: t, running: map[int]*os.Process{}, ended: make(chan error, 8)}
		for _, do := range []upkeep{{Settings: s, Stop: stop, Signs: t.TempDir()}, {Settings: s, Stop: stop, Compact: true}} {
			text, err := json.Marshal(do)
			if err != nil {
				t.Fatal(err)
			}
			others.start(upkeepEnv, string(text))
		}
		text, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		work := &storm{t: t, running: map[int]*os.Process{}, ended: make(chan error)}
		for range stormWorkers {
			work.start(workerEnv, string(text))
		}
		killed := 0
		tick := time.NewTicker(1200 * time.Millisecond / time.Duration(stormWorkers))
		defer tick.Stop()
		for work.left > 0 {
			select {
			case err := <-work.ended:
				work.left--
				if err != nil {
					t.Error(err)
				}
			case <-tick.C:
				if killed < stormKills && rand.IntN(3) > 0 && work.kill() {
					killed++
					work.start(workerEnv, string(text))
				}
			}
		}
		if err := os.WriteFile(stop, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := meddler.Wait(); err != nil {
			t.Errorf("PyIceberg: %v\n%s", err, &complaint)
		}
		for ; others.left > 0; others.left-- {
			if err := <-others.ended; err != nil {
				t.Error(err)
			}
		}
		did := map[string]int{}
		if err := json.Unmarshal(theirs.Bytes(), &did); err != nil {
			t.Errorf("PyIceberg says %q: %v", &theirs, err)
		}
		t.Logf("%d workers were killed; PyIceberg did %v", killed, did)
		once(t, c)
		rows := 0
		for _, n := range contents(t, c, catalog.Filter{ConfigID: "theirs"}) {
			rows += n
		}
		if rows != did["rows"] || rows == 0 {
			t.Errorf("%d rows of PyIceberg's are there, it appended %d", rows, did["rows"])
		}
		v, err := c.Verify(t.Context(), objstore.Open(t.Context(), objstore.Config{}), true)
		if err != nil || v.Err() != nil {
			t.Errorf("%v: %v", err, v.Err())
		}
	})
}

// once holds the race's tiles to what one worker committed of each, whole and once.
func once(t *testing.T, c *catalog.Catalog) {
	t.Helper()
	for id := range int64(raceTiles) {
		got := contents(t, c, catalog.Filter{ConfigID: config, Tiles: []int64{100 + id}})
		if len(got) != 2 {
			t.Errorf("tile %d: %v", 100+id, got)
		}
		for what, n := range got {
			words := strings.Fields(what)
			pid, _ := strconv.Atoi(words[3])
			if want := map[string]int{"shear": 4, "source": 4 * (1 + pid%7)}[words[0]]; n != want {
				t.Errorf("tile %d: %d of %q, want %d", 100+id, n, what, want)
			}
		}
	}
}
