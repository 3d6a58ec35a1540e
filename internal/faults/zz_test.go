package faults

import (
	"testing"
	"time"
	"net/http"
	"github.com/cosmostat/constellation/pkg/objstore/s3test"
)

func TestZZ(t *testing.T) {
	s := newSite(t)
	weather := s3test.NewWeather(2, 0.05, s3test.Passing...)
	s.proxy.Inject(func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
		start := time.Now()
		defer func() {
			if d := time.Since(start); d > 500*time.Millisecond { t.Logf("%s %s %s %v %v", d, r.Method, r.URL, r.Header, weather.Counts()) }
		}()
		return weather.Fault(w, r, pass)
	})
	start := time.Now()
	said := s.do(t, s.run("x")...)
	t.Log(time.Since(start), said)
}
