package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cosmostat/constellation/internal/bench/catalogerrand"
	"github.com/cosmostat/constellation/internal/testing/resulttest"
	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/settings"
)

const (
	tilesPerFill = 500 // of a commit, as assembly has it
	replacements = 20
	farSources   = 3 // of a sub-tile, where requests are counted
	coneRadius   = 1 // degree
)

// tables are those of a survey's tiles on the disk.
type tables struct {
	resulttest.Survey
	settings.Catalog
}

// survey makes tables of more and more tiles, whose rows were never in files: those
// of 60,000 tiles would be 4.8 million.
func (c *catalogBench) survey(b *testing.B) {
	made := results.section("Tables of a survey's tiles, 500 to a commit, from rows that are made on the way", "tiles", "shear rows", "source rows", "time", "of that, making rows", "CPU",
		"peak memory", "written", "shear files", "of sources", "size", "metadata")
	one := results.section(fmt.Sprintf("One of these tiles replaced, medians of %d", replacements), "tiles", "who", "time", "CPU", "of the fewest's", "read", "written")
	far := results.section("The same over S3 on loopback, shear and 3 sources a sub-tile", "tiles", "requests", "read", "written", "time", "of the fewest's")
	sizes := []string{"260", "6000", "60000"}
	if s := os.Getenv(catalogTilesEnv); s != "" {
		sizes = strings.Split(s, ",")
	}
	var least, leastFar time.Duration
	for i, s := range sizes {
		tiles, err := strconv.Atoi(s)
		if err != nil {
			b.Fatalf("%s: %v", catalogTilesEnv, err)
		}
		v := resulttest.Survey{Tiles: tiles, Sources: number(b, catalogThinEnv, 21), Grid: resulttest.Grid(), ConfigID: "bench"}
		t := tables{v, catalogOf(filepath.Join(c.dir, "tiles-"+s))}
		b.Run("fill/"+s, func(b *testing.B) { c.fill(b, t, made) })
		b.Run("replace/"+s, func(b *testing.B) { c.replace(b, t, one, &least) })
		b.Run("s3/"+s, func(b *testing.B) { c.far(b, v, far, &leastFar) })
		if i == len(sizes)-1 {
			c.upkeep(b, t)
		}
		remove(b, t.Warehouse)
	}
}

func (c *catalogBench) fill(b *testing.B, t tables, out *section) {
	if err := os.MkdirAll(t.Warehouse, 0o777); err != nil {
		b.Fatal(err)
	}
	a := c.ours(b, catalogerrand.Errand{Do: catalogerrand.Fill, Catalog: t.Catalog, Survey: t.Survey, Batch: tilesPerFill})
	n := count(b, t.Warehouse)
	if a.Rows != int64(t.SubTiles()) || a.Sources != int64(t.SubTiles()*t.Survey.Sources) {
		b.Errorf("%d and %d rows", a.Rows, a.Sources)
	}
	out.row(t.Tiles, a.Rows, a.Sources, seconds(a.Time), seconds(a.Making), seconds(a.CPU), size(a.Memory), size(a.Written), n.shear, n.data-n.shear, size(n.bytes), size(n.metadata))
	b.ReportMetric(float64(n.shear), "shear-files")
	b.ReportMetric(float64(a.Memory), "peak-RSS-B")
}

// spread are some places in a survey, far from each other.
func spread(tiles, n int) (all []int) {
	for i := range min(n, tiles) {
		all = append(all, (2*i+1)*tiles/(2*min(n, tiles)))
	}
	return all
}

func (c *catalogBench) replace(b *testing.B, t tables, out *section, least *time.Duration) {
	later := t.Survey
	later.Again = 1
	a := c.ours(b, catalogerrand.Errand{Do: catalogerrand.Replace, Catalog: t.Catalog, Survey: later, Tiles: spread(t.Tiles, replacements)})
	m := medians(a.Each)
	if *least == 0 {
		*least = m.Time
	}
	out.row(t.Tiles, "constellation", millis(m.Time), millis(m.CPU), times(m.Time.Seconds()/least.Seconds()), size(m.Read), size(m.Written))
	b.ReportMetric(m.Time.Seconds()*1e3, "ms/commit")

	ids := []int64{}
	for _, i := range spread(t.Tiles, 3) {
		ids = append(ids, t.Tile(i).ID)
	}
	p := c.theirs(b, "replace", map[string]any{"warehouse": t.Warehouse, "tiles": ids})
	each := []catalogerrand.Step{}
	for _, s := range p.Each {
		each = append(each, catalogerrand.Step{Time: time.Duration(s.Seconds * 1e9), CPU: time.Duration(s.CPU * 1e9), Read: s.Read, Written: s.Written})
	}
	m = medians(each)
	out.row(t.Tiles, "PyIceberg", millis(m.Time), millis(m.CPU), "", size(m.Read), size(m.Written))
}

func medians(all []catalogerrand.Step) (m catalogerrand.Step) {
	middle := func(of func(catalogerrand.Step) int64) int64 {
		var values []int64
		for _, s := range all {
			values = append(values, of(s))
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	m.Time = time.Duration(middle(func(s catalogerrand.Step) int64 { return int64(s.Time) }))
	m.CPU = time.Duration(middle(func(s catalogerrand.Step) int64 { return int64(s.CPU) }))
	m.Read = middle(func(s catalogerrand.Step) int64 { return s.Read })
	m.Written = middle(func(s catalogerrand.Step) int64 { return s.Written })
	return m
}

// far counts the requests of replacing one tile.
func (c *catalogBench) far(b *testing.B, v resulttest.Survey, out *section, least *time.Duration) {
	dir := filepath.Join(c.dir, fmt.Sprintf("s3-%d", v.Tiles))
	defer remove(b, dir)
	server := s3test.StartIn(b, dir)
	server.Setenv(b)
	server.Bucket(b, "warehouse")
	catalog := settings.Catalog{Warehouse: "s3://warehouse/bench", URI: "sqlite://" + filepath.Join(dir, "catalog.db"), Namespace: "shear", Table: "bench"}
	v.Sources = min(v.Sources, farSources)
	c.ours(b, catalogerrand.Errand{Do: catalogerrand.Fill, Catalog: catalog, Survey: v, Batch: tilesPerFill})
	v.Again = 1
	p := server.Proxy(b, 0)
	p.Setenv(b)
	e := catalogerrand.Errand{Do: catalogerrand.Replace, Catalog: catalog, Survey: v}
	// Of a process that replaces several, less one that replaces one: without what opening takes.
	measure := func(tiles []int) (a *catalogerrand.Account, requests, read, written int64) {
		e.Tiles = tiles
		requests, read, written = p.Requests(), p.BytesOut(), p.BytesIn()
		a = c.ours(b, e)
		return a, p.Requests() - requests, p.BytesOut() - read, p.BytesIn() - written
	}
	some := spread(v.Tiles, 6)
	_, r1, in1, out1 := measure(some[:1])
	a, r, in, outward := measure(some[1:])
	n := int64(len(some) - 2)
	if n < 1 {
		b.Fatal("too few tiles")
	}
	m := medians(a.Each)
	if *least == 0 {
		*least = m.Time
	}
	out.row(v.Tiles, fmt.Sprintf("%.1f", float64(r-r1)/float64(n)), size((in-in1)/n), size((outward-out1)/n), millis(m.Time), times(m.Time.Seconds()/least.Seconds()))
	b.ReportMetric(float64(r-r1)/float64(n), "requests/commit")
}

// upkeep reads, verifies and compacts the largest tables.
func (c *catalogBench) upkeep(b *testing.B, t tables) {
	kept := results.section(fmt.Sprintf("Upkeep of %d tiles", t.Tiles), "what", "time", "CPU", "peak memory", "read", "written", "shear files on disk", "of sources", "metadata")
	readers := results.section(fmt.Sprintf("Reading %d shear rows and %d sources", t.SubTiles(), t.SubTiles()*t.Survey.Sources), "when", "what", "by", "rows", "files", "time", "CPU", "peak memory", "read")
	do := func(what, errand string) {
		b.Run(what, func(b *testing.B) {
			a := c.ours(b, catalogerrand.Errand{Do: errand, Catalog: t.Catalog, Survey: t.Survey})
			n := count(b, t.Warehouse)
			kept.row(what, seconds(a.Time), seconds(a.CPU), size(a.Memory), size(a.Read), size(a.Written), n.shear, n.data-n.shear, size(n.metadata))
			b.ReportMetric(a.Time.Seconds(), "s")
		})
	}
	do("verify", catalogerrand.Verify)
	b.Run("read", func(b *testing.B) { c.read(b, t, "replaced", readers) })
	do("compact", catalogerrand.Compact)
	do("verify, compacted", catalogerrand.Verify)
	do("verify deep, compacted", catalogerrand.VerifyDeep)
	b.Run("read, compacted", func(b *testing.B) { c.read(b, t, "compacted", readers) })
}

// read asks each reader the same, and holds their answers against each other.
func (c *catalogBench) read(b *testing.B, t tables, when string, out *section) {
	at := t.Tile(t.Tiles / 3)
	for _, what := range []string{"mean", "tile", "cone"} {
		job := map[string]any{"tile": at.ID, "ra": at.Centre.RA, "dec": at.Centre.Dec, "radius": coneRadius}
		var first *catalogAnswer
		for _, reader := range []string{"pyiceberg", "polars", "duckdb"} {
			job["reader"], job["warehouse"] = reader, t.Warehouse
			a := c.theirs(b, what, job)
			if first == nil {
				first = &a
			}
			if a.Rows != first.Rows || a.Rows == 0 || !near(a.Values, first.Values) {
				b.Errorf("%s by %s: %d rows, %v, not %d and %v", what, reader, a.Rows, a.Values, first.Rows, first.Values)
			}
			files := ""
			if a.Files > 0 {
				files = strconv.Itoa(a.Files)
			}
			out.row(when, what, reader, a.Rows, files, cpu(a.Seconds), cpu(a.CPU), size(a.Memory), size(a.Read))
			b.ReportMetric(a.CPU, fmt.Sprintf("CPU-s/%s-%s", what, reader))
		}
	}
}

func near(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return x-y < 1e-9 && y-x < 1e-9 })
}
