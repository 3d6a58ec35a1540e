// Package errand is what a benchmark has a process of its own do, so that its
// time and memory are that work's and nothing else's: to extract a tile. The
// process is package run, the executable below this one.
package errand

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/extract"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// ProfileEnv names a directory for the process's profiles: of the processors,
// and of the memory that it allocated.
const ProfileEnv = "CONSTELLATION_BENCH_PROFILE"

// Errand is a tile to extract.
type Errand struct {
	Tile     euclid.MERTile
	Grid     sky.Grid
	Exposure euclid.Exposure
	Dithers  []euclid.Exposure // more of them
	Every    int               // only every so many of the quadrants
	Dest     string            // directory or S3 prefix
	Copy     settings.Copy     // as extract.Job has it
	Keep     bool              // files in a directory, too
}

// Account is what came of it.
type Account struct {
	Report *survey.TileReport
	Read   objstore.Usage // of the source
	Write  objstore.Usage // of the destination
	Time   time.Duration
	Total  time.Duration // with the headers, from the start of the work
	Memory int64         // peak resident set in bytes, the executable's own pages included
}

// Do does it.
func (e Errand) Do(ctx context.Context) (*Account, error) {
	a, err := e.profiled(ctx)
	if err == nil {
		a.Memory, err = peakMemory()
	}
	return a, err
}

// peakMemory is the most that this process ever had resident. What the kernel
// tells a parent of its child is no less than the parent's own: a child
// begins as a part of it.
func peakMemory() (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	var kib int64
	_, line, _ := strings.Cut(string(status), "VmHWM:")
	_, err = fmt.Sscan(line, &kib)
	return kib << 10, err
}

// profiled does the errand and keeps profiles of it, where these are asked for.
func (e Errand) profiled(ctx context.Context) (*Account, error) {
	dir := os.Getenv(ProfileEnv)
	if dir == "" {
		return e.do(ctx)
	}
	prefix := filepath.Join(dir, fmt.Sprintf("%d-%s", os.Getpid(), e.Copy))
	cpu, err := os.Create(prefix + ".cpu")
	if err != nil {
		return nil, err
	}
	defer cpu.Close()
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return nil, err
	}
	defer pprof.StopCPUProfile()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go peak(ctx, prefix+".memory")
	return e.do(ctx)
}

// peak keeps a profile of the memory in use whenever there is more of it than ever before.
func peak(ctx context.Context, path string) {
	var most, m runtime.MemStats
	for ctx.Err() == nil {
		if runtime.ReadMemStats(&m); m.HeapInuse > most.HeapInuse+most.HeapInuse/10 {
			most = m
			if f, err := os.Create(path); err == nil {
				pprof.WriteHeapProfile(f)
				f.Close()
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (e Errand) do(ctx context.Context) (*Account, error) {
	debug.SetGCPercent(10) // as prepare-tile does
	begun := time.Now()
	source, dest := objstore.Open(ctx, objstore.Config{}), objstore.Open(ctx, objstore.Config{})
	exposures := append([]euclid.Exposure{e.Exposure}, e.Dithers...)
	var some []euclid.Quadrant
	for _, x := range exposures {
		qs, err := euclid.ReadQuadrants(ctx, source, x)
		if err != nil {
			return nil, err
		}
		some = append(some, e.Some(qs)...)
	}
	tile := sky.Tile{ID: e.Tile.ID, Centre: e.Tile.Centre}
	var to objstore.Store = passing{dest}
	if e.Keep || strings.Contains(e.Dest, "://") {
		to = dest
	}
	before, start := source.Usage(), time.Now()
	report, err := extract.Tile(ctx, extract.Job{
		Tile: tile, SubTiles: e.SubTiles(),
		Exposures: exposures, Quadrants: some, Catalogs: e.Tile.Catalogs,
		Source: source, Dest: to, Dir: e.Dest, Copy: e.Copy,
		LowerCase: true, ConfigID: "bench", Provenance: manifest.Provenance{Run: "bench"},
	})
	return &Account{Report: report, Read: source.Usage().Sub(before), Write: dest.Usage(), Time: time.Since(start), Total: time.Since(begun)}, err
}

// Some are the quadrants to take.
func (e Errand) Some(all []euclid.Quadrant) (some []euclid.Quadrant) {
	for i, q := range euclid.Overlapping(all, e.Tile.Centre, e.Grid.Reach()) {
		if i%e.Every == 0 {
			some = append(some, q)
		}
	}
	return some
}

// SubTiles are those to make.
func (e Errand) SubTiles() []sky.SubTile {
	return e.Grid.SubTiles(sky.Tile{ID: e.Tile.ID, Centre: e.Tile.Centre})
}

// passing is a store whose files vanish once they are whole, so that a tile of
// 20 GB fits on any disk. Objects of the S3 server stay: it removes directories
// that become empty, even while something is about to be written to them.
type passing struct{ objstore.Store }

func (p passing) Create(ctx context.Context, uri string) (objstore.Upload, error) {
	u, err := p.Store.Create(ctx, uri)
	if err != nil || strings.Contains(uri, "://") {
		return u, err
	}
	return passingUpload{u, func() error { return p.Delete(ctx, uri) }}, nil
}

type passingUpload struct {
	objstore.Upload
	remove func() error
}

func (u passingUpload) Commit() (objstore.Info, error) {
	info, err := u.Upload.Commit()
	if err == nil {
		err = u.remove()
	}
	return info, err
}
