package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/cosmostat/constellation/internal/testing/indextest"
	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
)

const (
	// indexSizeEnv scales the survey down: its number of footprints.
	indexSizeEnv = "CONSTELLATION_INDEX_FOOTPRINTS"
	wholeSurvey  = 200_000 * quadrants // of 15,000 square degrees
	wholeArea    = 15_000.
	newExposures = 1000

	perBatch = 40 // exposures, as 5,000 batches have

	indexURI = "s3://index/quadrants.json"
	indexDir = "s3://index/shared"
)

// BenchmarkIndex builds the quadrant index of the whole survey, asks it for
// tiles as processes do that have just started, merges new observations in, and
// asks again. Each step runs once, in a process of its own, and each answer is
// held against the survey itself. `make bench-index` runs it.
func BenchmarkIndex(b *testing.B) {
	footprints := wholeSurvey
	if s := os.Getenv(indexSizeEnv); s != "" {
		var err error
		if footprints, err = strconv.Atoi(s); err != nil {
			b.Fatalf("%s: %v", indexSizeEnv, err)
		}
	}
	n := footprints / quadrants
	s := indextest.Survey{Exposures: n + newExposures, Centre: sky.Coord{RA: 30, Dec: 30}, AreaDeg2: wholeArea * float64(n) / (wholeSurvey / quadrants)}
	dir := b.TempDir()
	server := s3test.StartIn(b, filepath.Join(dir, "s3"))
	server.Setenv(b)
	server.Bucket(b, "index")

	writing := results.section(fmt.Sprintf("Quadrant index of %d footprints on %.0f square degrees, to S3 on loopback", n*quadrants, s.AreaDeg2),
		"what", "time", "CPU", "footprints/s", "runs", "files", "size", "a footprint", "written", "peak memory")
	write := func(what string, from, to int) {
		b.Run(what, func(b *testing.B) {
			a := indexErrand{Do: what, Survey: s, To: to, Scratch: filepath.Join(dir, "scratch")}.send(b)
			if want := int64(to * quadrants); a.Summary.Quadrants != want || a.Kept != from/perBatch {
				b.Fatalf("%d quadrants are in the index, not %d; %d batches were kept of %d exposures", a.Summary.Quadrants, want, a.Kept, from)
			}
			writing.row(what, seconds(a.Time), seconds(a.CPU), fmt.Sprintf("%.0f", float64((to-from)*quadrants)/a.Time.Seconds()), a.Summary.Runs, a.Summary.Files,
				size(a.Summary.Bytes), fmt.Sprintf("%.1f B", float64(a.Summary.Bytes)/float64(a.Summary.Quadrants)), size(a.Usage.BytesWritten), size(a.Memory))
			b.ReportMetric(float64(a.Summary.Bytes)/float64(a.Summary.Quadrants), "B/footprint")
			b.ReportMetric(float64(a.Memory), "peak-RSS-B")
		})
	}
	reading := results.section("One tile of that index, asked for by a new process",
		"latency", "index", "place", "quadrants", "time", "process", "requests", "bytes", "peak memory")
	tile := sky.Grid{Shape: settings.Shape{Rows: 4, Cols: 4}, MarginArcmin: 1, TileArcmin: 32, CoreArcmin: 30}
	read := func(what string, to int) {
		for _, latency := range []time.Duration{far, 0} {
			p := server.Proxy(b, latency)
			p.Setenv(b)
			for _, at := range spots(s, n) {
				b.Run(fmt.Sprintf("query/%s/%s/%s", what, latency, at.name), func(b *testing.B) {
					e := indexErrand{Do: "query", Survey: s, Centre: at.centre, Radius: tile.Reach()}
					requests, bytes := p.Requests(), p.BytesOut()
					a := e.send(b)
					requests, bytes = p.Requests()-requests, p.BytesOut()-bytes
					if want := e.expect(b, to); !slices.Equal(want, a.Found) || len(want) == 0 {
						b.Errorf("%d quadrants were found, not %d", len(a.Found), len(want))
					}
					reading.row(latency, what, at.name, len(a.Found), seconds(a.Time), seconds(a.Lifetime), requests, size(bytes), size(a.Memory))
					b.ReportMetric(a.Time.Seconds(), "s/query")
					b.ReportMetric(float64(bytes), "read-B/query")
					b.ReportMetric(float64(a.Memory), "peak-RSS-B")
				})
			}
		}
		server.Setenv(b)
	}
	write("build", 0, n)
	read("built", n)
	write("merge", n, n+newExposures)
	read("merged", n+newExposures)
}
