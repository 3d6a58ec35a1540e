package bench

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// BenchmarkFootprints reads all footprints of a full-size exposure, as a
// process does that has just started, and compares with a walk of its DET file
// that knows nothing but where the next header starts.
func BenchmarkFootprints(b *testing.B) {
	s := newSite(b)
	out := results.section(fmt.Sprintf("All %d footprints of a DET file of %d bytes", quadrants, int64(detSize)),
		"latency", "what", "time", "requests", "bytes", "faster than the walk")
	detOnly := s.exposure
	detOnly.BKG, detOnly.WGT, detOnly.PSF = euclid.File{}, euclid.File{}, euclid.File{}
	for _, latency := range []time.Duration{far, 0} {
		p := s.proxy(b, latency)
		var walk time.Duration
		for _, way := range []struct {
			name string
			read func(context.Context, *objstore.Mux) error
		}{
			{"plain walk, DET", func(ctx context.Context, m *objstore.Mux) error { return walkHeaders(ctx, m, s.exposure.DET) }},
			{"footprints, DET", func(ctx context.Context, m *objstore.Mux) error { return readFootprints(ctx, m, detOnly) }},
			{"footprints, DET BKG WGT PSF", func(ctx context.Context, m *objstore.Mux) error { return readFootprints(ctx, m, s.exposure) }},
		} {
			b.Run(fmt.Sprintf("%s/%s", latency, way.name), func(b *testing.B) {
				c := measure(b, p, way.read)
				if walk == 0 {
					walk = c.time
				}
				ratio := walk.Seconds() / c.time.Seconds()
				out.row(latency, way.name, seconds(c.time), c.requests, size(c.bytes), fmt.Sprintf("%.1f x", ratio))
				b.ReportMetric(float64(c.requests), "requests/op")
				b.ReportMetric(float64(c.bytes), "read-B/op")
				b.ReportMetric(ratio, "x-walk")
			})
		}
	}
}

// cost is what one operation took, on average.
type cost struct {
	time            time.Duration
	requests, bytes int64
}

// measure runs an operation by a store without connections each time.
func measure(b *testing.B, p *s3test.Proxy, op func(context.Context, *objstore.Mux) error) cost {
	b.Helper()
	requests, bytes := p.Requests(), p.BytesOut()
	n := 0
	for b.Loop() {
		if err := op(b.Context(), open(b)); err != nil {
			b.Fatal(err)
		}
		n++
	}
	return cost{b.Elapsed() / time.Duration(n), (p.Requests() - requests) / int64(n), (p.BytesOut() - bytes) / int64(n)}
}

// walkHeaders finds each header by the one before.
func walkHeaders(ctx context.Context, m *objstore.Mux, f euclid.File) error {
	hdus, err := fits.ReadIndex(objstore.ReaderAt(ctx, m, objstore.Info{URI: f.URI, Size: f.Size, ETag: f.ETag}), f.Size)
	if err == nil && len(hdus) != detHDUs {
		err = fmt.Errorf("%d HDUs", len(hdus))
	}
	return err
}

// readFootprints checks that all are there, of all files that the exposure has.
func readFootprints(ctx context.Context, m *objstore.Mux, e euclid.Exposure) error {
	qs, err := euclid.ReadQuadrants(ctx, m, e)
	if err == nil && len(qs) != quadrants {
		err = fmt.Errorf("%d quadrants", len(qs))
	}
	for _, q := range qs {
		for _, part := range []struct {
			file    euclid.File
			segment euclid.Segment
		}{{e.DET, q.SCI}, {e.DET, q.RMS}, {e.DET, q.FLG}, {e.BKG, q.BKG}, {e.WGT, q.WGT}, {e.PSF, q.PSF}} {
			if part.file.Exists() != (part.segment.Length > 0) {
				return fmt.Errorf("quadrant %s: %+v in %s", q.Name, part.segment, part.file.URI)
			}
		}
	}
	return err
}
