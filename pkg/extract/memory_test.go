package extract

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/await"
	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
)

// However copying ends, well, badly or stopped, the memory comes back.
func TestMemoryComesBack(t *testing.T) {
	t.Setenv("AWS_MAX_ATTEMPTS", "2")
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	proxy := server.Proxy(t, 0)
	proxy.Setenv(t)
	patient := objstore.Open(t.Context(), objstore.Config{})
	t.Setenv("CONSTELLATION_STALL_TIME", "300ms")
	impatient := objstore.Open(t.Context(), objstore.Config{}) // for jobs that may end badly anyway
	v := newSurvey(t, patient, "s3://bucket")
	v.nx, v.ny = 400, 400
	v.expose("002681", "00", sky.Offset{})
	v.expose("002681", "01", sky.Offset{Xi: 0.4 / 60, Eta: -0.7 / 60})
	v.catalogs = append(v.catalogs, v.catalog("own.fits", 1, v.scatter(-4, 4, 300)))
	ends := map[string]int{}
	for i := range 16 {
		chance := rand.New(rand.NewPCG(uint64(i), 1))
		proxy.Inject(nil)
		job := v.job(fmt.Sprintf("s3://bucket/out-%d", i))
		job.Copy = []settings.Copy{settings.CopyStream, settings.CopyServer, settings.CopyAuto}[i%3]
		if i%4 == 0 { // an index that is wrong: all is looked up, and begun again
			a, b := &job.Quadrants[0], &job.Quadrants[6]
			a.BKG, b.BKG = b.BKG, a.BKG
		}
		ctx, cancel := context.WithCancel(t.Context())
		rate := []float64{0, 0.004, 0.01, 0.03}[i/4]
		if rate > 0 {
			job.Source, job.Dest = impatient, impatient
		}
		stopAt, requests := -1, 0 // requests of the job
		if i%2 == 1 {
			stopAt = chance.IntN(60)
		}
		if i == 12 { // one that nothing can save
			rate = 1
		}
		var mu sync.Mutex
		proxy.Inject(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			mu.Lock()
			drawn := chance.Float64() / rate
			if requests == stopAt {
				cancel()
			}
			requests++
			mu.Unlock()
			switch {
			case drawn >= 1 || rate == 0:
				return false
			case drawn < 0.25:
				panic(http.ErrAbortHandler)
			case drawn < 0.5:
				w.WriteHeader(http.StatusForbidden)
			case drawn < 0.75:
				w.WriteHeader(http.StatusServiceUnavailable)
			default:
				io.Copy(io.Discard, r.Body)
				<-r.Context().Done() // silent until the client gives up
			}
			return true
		})
		switch _, err := Tile(ctx, job); {
		case err == nil:
			ends["well"]++
		case ctx.Err() != nil:
			ends["stopped"]++
		default:
			ends["badly"]++
		}
		cancel()
		// Readers that were stopped may still be about to give theirs back.
		if !await.Until(t, "the memory comes back", func() bool { return objstore.Held() == 0 }) {
			t.Fatalf("%d (%s): %d bytes are still held", i, job.Copy, objstore.Held())
		}
	}
	t.Log(ends)
	if ends["well"] == 0 || ends["stopped"] == 0 || ends["badly"] == 0 {
		t.Errorf("not all ends were seen: %v", ends)
	}
}

// A header that is longer than what is looked at for one is said to be that.
func TestLongHeader(t *testing.T) {
	v := newSurvey(t, objstore.NewMemory(), "mem://bucket")
	v.expose("002681", "00", sky.Offset{})
	v.catalogs = append(v.catalogs, v.catalog("own.fits", 1, nil))
	id := v.exposures[0].ExposureID
	b := bytes.NewBuffer(primary(id))
	(&fixture{}).quadrantNames(func(name string, _, _ int) {
		h := fits.NewImage(-32, v.nx, v.ny).SetText("EXTNAME", name, "")
		for i := range 4000 {
			h.SetInt(fmt.Sprintf("K%d", i), int64(i), "")
		}
		v.hdu(b, h, v.nx*v.ny, 7)
	})
	v.exposures[0].BKG = v.write("VIS/002681/BKG_long.fits", b.Bytes())
	_, err := Tile(t.Context(), v.job("mem://bucket/out"))
	if fault.CodeOf(err) != "HeaderTooLong" || !strings.Contains(err.Error(), "BKG_long.fits") || !strings.Contains(err.Error(), "check the delivery") {
		t.Errorf("got %v", err)
	}
}

// Once it is stopped, nothing more is read, whatever Close does.
func TestStopEndsReading(t *testing.T) {
	source := &endless{}
	a := readAhead(t.Context(), io.NopCloser(source), []*piece{{Segment: euclid.Segment{Length: 1 << 30}}})
	c, err := a.next()
	if err != nil {
		t.Fatal(err)
	}
	c.Release()
	a.stop()
	if n := source.n; n > 16*objstore.ChunkSize || objstore.Held() != 0 {
		t.Errorf("%d bytes were read, %d are held", n, objstore.Held())
	}
}

type endless struct{ n int64 }

func (e *endless) Read(p []byte) (int, error) {
	e.n += int64(len(p))
	return len(p), nil
}
