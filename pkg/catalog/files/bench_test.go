package files_test

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog/files"
)

// cpu is the processor time of this process.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkWrite writes a million rows, as WriteRecords does and as Write does.
func BenchmarkWrite(b *testing.B) {
	var batches []arrow.RecordBatch
	for tile := range int64(2500) {
		var rows []row
		for i := range int64(400) {
			x := uint64(tile*400+i) * 0x9e3779b97f4a7c15
			rows = append(rows, row{tile, int32(i / 200), int32(i / 100 % 2), int64(x>>2) | i, float32(x>>40) / (1 << 24), configA})
		}
		batches = append(batches, record(rows))
	}
	give := func(yield func(arrow.RecordBatch, error) bool) {
		for _, rec := range batches {
			rec.Retain() // WriteRecords releases what it took
			if !yield(rec, nil) {
				return
			}
		}
	}
	for name, write := range map[string]func(*table.Table) ([]iceberg.DataFile, error){
		"Write": func(t *table.Table) ([]iceberg.DataFile, error) { return files.Write(b.Context(), t, give, options) },
		"WriteRecords": func(t *table.Table) (list []iceberg.DataFile, err error) {
			for f, err := range table.WriteRecords(b.Context(), t, batches[0].Schema(), give, table.WithClusteredWrite()) {
				if err != nil {
					return nil, err
				}
				list = append(list, f)
			}
			return list, nil
		},
	} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				t := open(b).create(on(1, iceberg.TruncateTransform{Width: 200}), "2")
				before, size := cpu(), int64(0)
				list, err := write(t)
				if err != nil {
					b.Fatal(err)
				}
				for _, f := range list {
					size += f.FileSizeBytes()
				}
				b.ReportMetric((cpu() - before).Seconds(), "cpu-s/op")
				b.ReportMetric(float64(size)/1e6, "MB/op")
			}
		})
	}
}

// BenchmarkCompact merges two million rows: of 20 commits whose tiles lie between each
// other's, some of them replaced, and of a tile a file.
func BenchmarkCompact(b *testing.B) {
	for name, c := range map[string]struct{ commits, tiles, rows int64 }{"20 overlapping": {20, 2000, 1000}, "200 of a tile": {200, 200, 10000}} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				w := open(b)
				w.create(on(1, iceberg.TruncateTransform{Width: 100000}), "2", iceberg.Properties{table.WriteTargetFileSizeBytesKey: "8000000", table.MetadataDeleteAfterCommitEnabledKey: "true"})
				for i := range c.commits {
					var rows []row
					for tile := i; tile < c.tiles; tile += c.commits {
						for n := range c.rows {
							x := uint64(tile*c.rows+n) * 0x9e3779b97f4a7c15
							rows = append(rows, row{tile, int32(n / 500), int32(n / 250 % 2), n, float32(x>>40) / (1 << 24), configA})
						}
					}
					w.replace(rows, of(configA, -1))
				}
				w.replace(tileRows(7, configA, 1), of(configA, 7))
				runtime.GC()
				peak := watchHeap()
				before := cpu()
				b.StartTimer()
				taken, commits := w.compact(compaction())
				b.ReportMetric((cpu() - before).Seconds(), "cpu-s/op")
				b.ReportMetric(float64(peak())/1e6, "peak-MB")
				b.ReportMetric(float64(taken), "files")
				b.ReportMetric(float64(commits), "commits")
			}
		})
	}
}

// watchHeap looks how much is in use until it is called.
func watchHeap() func() uint64 {
	stop, done := make(chan bool), make(chan uint64)
	go func() {
		peak := uint64(0)
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapInuse)
			select {
			case <-stop:
				done <- peak
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return func() uint64 { close(stop); return <-done }
}

// BenchmarkReplace replaces tiles of a survey whose files hold a thousand each.
func BenchmarkReplace(b *testing.B) {
	for _, tiles := range []int64{260, 6000, 60000} {
		b.Run(fmt.Sprint(tiles), func(b *testing.B) {
			w := open(b)
			w.create(on(1, iceberg.TruncateTransform{Width: 2000}), "2", iceberg.Properties{table.MetadataDeleteAfterCommitEnabledKey: "true"})
			for tile := int64(0); tile < tiles; tile += 1000 {
				var rows []row
				for i := range min(1000, tiles-tile) {
					rows = append(rows, tileRows((tile+i)*2, configA, 1)[:16]...)
				}
				w.replace(rows, of(configA, -1))
			}
			base := w.load()
			before := cpu()
			b.ResetTimer()
			for i := range b.N {
				// Each on the same state: what gathers is upkeep's.
				tile := int64(i) * 7919 % tiles * 2
				rows := tileRows(tile, configA, 2)[:16]
				t := base
				add, err := files.Write(b.Context(), t, stream(rows, 16), options)
				if err != nil {
					b.Fatal(err)
				}
				found, err := files.Find(b.Context(), t, keys, of(configA, tile))
				if err != nil || len(found) != 1 || found[0].Rows.Cardinality() != 16 {
					b.Fatal(found, err)
				}
				del, err := files.Deletes(b.Context(), t, found)
				if err != nil {
					b.Fatal(err)
				}
				tx := t.NewTransaction()
				if _, err = files.Replace(b.Context(), tx, add, del, nil); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			b.ReportMetric((cpu()-before).Seconds()/float64(b.N)*1000, "cpu-ms/op")
			start := cpu()
			for i := range 30 {
				tile := int64(i) * 7919 % tiles * 2
				w.replace(tileRows(tile, configA, 3)[:16], of(configA, tile))
			}
			b.ReportMetric((cpu()-start).Seconds()/30*1000, "cpu-ms/commit")
		})
	}
}
