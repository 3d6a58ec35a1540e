package bench

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cosmostat/constellation/internal/bench/errand"
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
)

const (
	// pythonEnv names a Python with what testdata/requirements.txt lists.
	pythonEnv = "CONSTELLATION_BENCH_PYTHON"
	// everyEnv thins the quadrants out: only every so many of them. 1 takes all.
	everyEnv   = "CONSTELLATION_BENCH_EVERY"
	usualEvery = 8
)

// plainAnswer is what testdata/plain.py says.
type plainAnswer struct {
	Seconds         float64
	Requests, Bytes int64
	HDUs            int
	Footprints      int
	Files           int
	Written         int64
	Rows            int
	UploadSeconds   float64 `json:"upload_seconds"` // of all seconds
	Memory          int64   // peak resident set in bytes
}

// plain does work in the plain way.
func plain(b *testing.B, python, what string, job any) (a plainAnswer) {
	b.Helper()
	said, err := json.Marshal(job)
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), python, filepath.Join("testdata", "plain.py"), what, string(said))
	cmd.Env = toolEnv()
	var complaint strings.Builder
	cmd.Stderr = &complaint
	answer, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(answer, &a)
	}
	if err != nil {
		b.Fatalf("%v: %s", err, complaint.String())
	}
	return a
}

// toolEnv points other clients to the server that the environment names. To
// them, what is set to nothing is set.
func toolEnv() (env []string) {
	for _, kv := range os.Environ() {
		if key, value, _ := strings.Cut(kv, "="); !strings.HasPrefix(key, "AWS_") || value != "" {
			env = append(env, kv)
		}
	}
	return append(env, "S3_ENDPOINT_URL="+os.Getenv("AWS_ENDPOINT_URL"))
}

// BenchmarkIO does the same work in our way, in the plain way, and by plain
// tools, side by side: headers, a tile's sub-tiles with their catalogues, and the
// moving of bytes as such.
//
// All sub-tiles and some of the quadrants, rather than some sub-tiles and all
// quadrants, since neighbours share quadrants as they do in a whole tile.
func BenchmarkIO(b *testing.B) {
	python := os.Getenv(pythonEnv)
	if python == "" {
		b.Skip("NOT COMPARED: " + pythonEnv + " names no Python with internal/bench/testdata/requirements.txt")
	}
	python, err := filepath.Abs(python)
	if err != nil {
		b.Fatal(err)
	}
	every := usualEvery
	if s := os.Getenv(everyEnv); s != "" {
		if every, err = strconv.Atoi(s); err != nil || every < 1 {
			b.Fatalf("%s=%s: %v", everyEnv, s, err)
		}
	}
	s := newSite(b)
	s.server.Bucket(b, "out")
	e := errand.Errand{Tile: s.tile, Grid: s.grid, Exposure: s.exposure, Every: every}

	heads := results.section(fmt.Sprintf("Headers and footprints of a DET file of %d HDUs, against astropy on boto3", detHDUs),
		"latency", "time", "plain", "faster", "requests", "plain", "bytes", "plain")
	tiles := results.section(fmt.Sprintf("The 16 sub-tiles of a tile, one dither, 1 in %d quadrants, headers and catalogue included, against astropy on boto3", every),
		"latency", "to", "time", "plain", "faster", "opened for each", "faster", "bytes read", "plain", "less", "peak memory", "plain", "less")
	for _, latency := range []time.Duration{far, 0} {
		p := s.proxy(b, latency)
		b.Run(fmt.Sprintf("headers/%s", latency), func(b *testing.B) { s.compareHeaders(b, p.Requests, python, latency, heads) })
		b.Run(fmt.Sprintf("tile/%s", latency), func(b *testing.B) { s.compareTile(b, e, python, latency, tiles) })
	}
	s.server.Setenv(b)
	b.Run("throughput", func(b *testing.B) { s.compareTools(b, e, filepath.Join(filepath.Dir(python), "s5cmd")) })
}

func (s *site) compareHeaders(b *testing.B, requests func() int64, python string, latency time.Duration, out *section) {
	det := s.exposure
	det.BKG, det.WGT, det.PSF = euclid.File{}, euclid.File{}, euclid.File{}
	for b.Loop() {
		before, m, start := requests(), open(b), time.Now()
		if err := readFootprints(b.Context(), m, det); err != nil {
			b.Fatal(err)
		}
		took, asked := time.Since(start), requests()-before
		a := plain(b, python, "headers", map[string]string{"uri": det.DET.URI})
		if a.HDUs != detHDUs || a.Footprints != quadrants {
			b.Fatalf("the plain way found %+v", a)
		}
		faster := a.Seconds / took.Seconds()
		out.row(latency, seconds(took), fmt.Sprintf("%.2f s", a.Seconds), times(faster), asked, a.Requests, size(m.Usage().BytesRead), size(a.Bytes))
		b.ReportMetric(faster, "x-plain")
	}
}

// plainSubTile is a sub-tile as plain.py is told of it.
type plainSubTile struct {
	Name     string         `json:"name"`
	Products []plainProduct `json:"products"`
	Extended [4]float64     `json:"extended"`
}

type plainProduct struct {
	Path   string   `json:"path"`
	Source string   `json:"source"`
	HDUs   []string `json:"hdus"`
}

// plainJob is the errand as plain.py takes it.
func (s *site) plainJob(b *testing.B, e errand.Errand) map[string]any {
	qs, err := euclid.ReadQuadrants(b.Context(), open(b), e.Exposure)
	if err != nil {
		b.Fatal(err)
	}
	var subs []plainSubTile
	for _, sub := range e.SubTiles() {
		products := []plainProduct{
			{"sci.fits", e.Exposure.DET.URI, nil}, {"bkg.fits", e.Exposure.BKG.URI, nil},
			{"wgt.fits", e.Exposure.WGT.URI, nil}, {"psf.fits", e.Exposure.PSF.URI, nil},
		}
		for _, q := range e.Some(qs) {
			if !sub.Overlaps(q.Outline) {
				continue
			}
			for i := range products {
				names := []string{q.Name}
				if i == 0 {
					names = []string{q.Name + ".SCI", q.Name + ".RMS", q.Name + ".FLG"}
				}
				products[i].HDUs = append(products[i].HDUs, names...)
			}
		}
		x := sub.Extended
		subs = append(subs, plainSubTile{sub.Name(), products, [4]float64{x.XiMin, x.XiMax, x.EtaMin, x.EtaMax}})
	}
	return map[string]any{"sub_tiles": subs, "catalog": e.Tile.Catalogs[0].URI, "dir": b.TempDir(),
		"centre": [2]float64{e.Tile.Centre.RA, e.Tile.Centre.Dec}}
}

func (s *site) compareTile(b *testing.B, e errand.Errand, python string, latency time.Duration, out *section) {
	job := s.plainJob(b, e)
	job["upload"] = fmt.Sprintf("s3://out/%s-plain", latency)
	for b.Loop() {
		// Files that are opened once for all sub-tiles; and for each sub-tile, which
		// far away takes a quarter of an hour.
		var plainly []plainAnswer
		for _, once := range []bool{true, false} {
			if once || latency == 0 {
				job["once"] = once
				plainly = append(plainly, plain(b, python, "tile", job))
				s.empty(b, "out")
			}
		}
		a := plainly[0]
		for _, way := range []struct {
			name, dest string
			copy       settings.Copy
		}{
			{"directory", b.TempDir(), settings.CopyStream}, {"s3", fmt.Sprintf("s3://out/%s", latency), settings.CopyStream},
			{"s3, by the server", fmt.Sprintf("s3://out/%s-server", latency), settings.CopyServer},
		} {
			e.Dest, e.Copy = objstore.Join(way.dest, "tile"), way.copy
			done := s.send(b, e)
			files, rows := 0, 0
			for _, sub := range done.Report.SubTiles {
				files, rows = files+sub.Files-4, rows+sub.Sources // less catalogue, two manifests and provenance
			}
			if files != a.Files || rows != a.Rows {
				b.Errorf("%d files and %d rows, the plain way has %d and %d", files, rows, a.Files, a.Rows)
			}
			took, faster := []string{"", "-"}, []string{"", "-"}
			for i, a := range plainly {
				theirs := a.Seconds
				if !strings.Contains(way.dest, "://") {
					theirs -= a.UploadSeconds
				}
				took[i], faster[i] = fmt.Sprintf("%.2f s", theirs), times(theirs/done.Total.Seconds())
				if i == 0 {
					b.ReportMetric(theirs/done.Total.Seconds(), "x-plain/"+strings.ReplaceAll(way.name, " ", "-"))
				}
			}
			out.row(latency, way.name, seconds(done.Total), took[0], faster[0], took[1], faster[1],
				size(done.Read.BytesRead), size(a.Bytes), times(float64(a.Bytes)/float64(done.Read.BytesRead)),
				size(done.Memory), size(a.Memory), times(float64(a.Memory)/float64(done.Memory)))
			s.empty(b, "out")
		}
	}
}

// empty removes a bucket's objects, whose bytes take room on the disk.
func (s *site) empty(b *testing.B, bucket string) {
	remove(b, filepath.Join(s.server.Dir, bucket))
	s.server.Bucket(b, bucket)
}

// rounds are how often extraction and cat take turns: how soon the kernel has
// bytes on the disk depends on what else it is about.
const rounds = 5

// compareTools holds extraction against cat, and against s5cmd.
func (s *site) compareTools(b *testing.B, e errand.Errand, s5cmd string) {
	out := results.section("The same bytes by plain tools", "what", "read", "written", "time", "tool", "its time", "our speed")
	for b.Loop() {
		l := s.local(b, e)
		var ours, cats turns
		var done *errand.Account
		for round := range rounds {
			l.Dest = filepath.Join(b.TempDir(), "tile")
			ours.take(func() time.Duration { done = s.send(b, l); return done.Time })
			cats.take(func() time.Duration { return catTime(b, l.Dest) })
			if round+1 < rounds {
				remove(b, l.Dest)
			}
		}
		for _, way := range []struct {
			what, metric string
			ours, cats   []time.Duration
		}{
			{"disk to disk, as far as the kernel's memory", "x-cat", ours.written, cats.written},
			{"disk to disk", "x-cat-disk", ours.stored, cats.stored},
		} {
			speed := median(way.cats).Seconds() / median(way.ours).Seconds()
			out.row(way.what, size(done.Read.BytesRead), size(done.Write.BytesWritten), seconds(median(way.ours)), "cat", seconds(median(way.cats)), times(speed))
			b.ReportMetric(speed, way.metric)
		}

		// All of its reads, then all of its writes; ours come at the same time.
		e.Dest = "s3://out/tile"
		syscall.Sync()
		done = s.send(b, e)
		read := toolRate(b, e.Exposure.BKG.Size, s5cmd, "cat", e.Exposure.BKG.URI)
		big := largest(b, l.Dest)
		write := toolRate(b, big.size, s5cmd, "cp", big.path, "s3://out/s5cmd.fits")
		theirs := time.Duration((float64(done.Read.BytesRead)/read + float64(done.Write.BytesWritten)/write) * float64(time.Second))
		speed := theirs.Seconds() / done.Time.Seconds()
		out.row("s3 to s3", size(done.Read.BytesRead), size(done.Write.BytesWritten), seconds(done.Time), "s5cmd", seconds(theirs), times(speed))
		b.ReportMetric(speed, "x-s5cmd")
		s.empty(b, "out")
		remove(b, l.Dest)
	}
}

func remove(b *testing.B, dir string) {
	if err := os.RemoveAll(dir); err != nil {
		b.Fatal(err)
	}
}

// local is an errand with its sources on the disk.
func (s *site) local(b *testing.B, e errand.Errand) errand.Errand {
	here := func(f euclid.File) euclid.File {
		path := filepath.Join(s.server.Dir, strings.TrimPrefix(f.URI, "s3://"))
		info, err := objstore.Open(b.Context(), objstore.Config{}).Stat(b.Context(), path)
		if err != nil {
			b.Fatal(err)
		}
		return euclid.File{URI: path, Size: info.Size, ETag: info.ETag}
	}
	for _, f := range []*euclid.File{&e.Exposure.DET, &e.Exposure.BKG, &e.Exposure.WGT, &e.Exposure.PSF} {
		*f = here(*f)
	}
	e.Tile.Catalogs = []euclid.File{here(e.Tile.Catalogs[0])}
	e.Keep = true
	return e
}

// turns are how long some work took: until the kernel had what it wrote, and
// until the disk had it. Each begins with nothing left to write of what was before.
type turns struct{ written, stored []time.Duration }

func (t *turns) take(work func() time.Duration) {
	syscall.Sync()
	took := work()
	start := time.Now()
	syscall.Sync()
	t.written, t.stored = append(t.written, took), append(t.stored, took+time.Since(start))
}

func median(all []time.Duration) time.Duration {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}

// catTime is how long cat takes to copy all files of a directory into one beside them.
func catTime(b *testing.B, dir string) time.Duration {
	var paths []string
	walk(b, dir, func(f sized) { paths = append(paths, f.path) })
	to, err := os.Create(filepath.Join(dir, "all"))
	if err != nil {
		b.Fatal(err)
	}
	defer to.Close()
	cmd := exec.CommandContext(b.Context(), "cat", paths...)
	cmd.Stdout = to
	start := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

type sized struct {
	path string
	size int64
}

func walk(b *testing.B, dir string, visit func(sized)) {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			visit(sized{path, info.Size()})
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}

// largest of a directory's files but for cat's.
func largest(b *testing.B, dir string) (most sized) {
	walk(b, dir, func(f sized) {
		if f.size > most.size && filepath.Base(f.path) != "all" {
			most = f
		}
	})
	return most
}

// toolRate is how many bytes a second a command moves.
func toolRate(b *testing.B, bytes int64, command ...string) float64 {
	var complaint strings.Builder
	cmd := exec.CommandContext(b.Context(), command[0], command[1:]...)
	cmd.Env = toolEnv()
	cmd.Stderr = &complaint
	syscall.Sync()
	start := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatalf("%v: %s", err, complaint.String())
	}
	return float64(bytes) / time.Since(start).Seconds()
}

func times(f float64) string { return fmt.Sprintf("%.2f x", f) }
