package bench

import (
	"context"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cosmostat/constellation/internal/bench/errand"
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/objstore/webserve"
)

// BenchmarkHTTPS does the same over S3 and from a web server with TLS, both some way
// off, by stores without connections: the best of some rounds.
func BenchmarkHTTPS(b *testing.B) {
	s := newSite(b)
	s.proxy(b, far)
	web := s.overHTTPS(b, far)
	out := results.section("The same files over S3 and over HTTPS", "latency", "what", "S3", "HTTPS", "ratio")
	for _, what := range []struct {
		name   string
		rounds int
		do     func(b *testing.B, e euclid.Exposure, tile euclid.MERTile, dir string)
	}{
		{"footprints, DET BKG WGT PSF", 7, func(b *testing.B, e euclid.Exposure, _ euclid.MERTile, _ string) {
			if err := readFootprints(b.Context(), open(b), e); err != nil {
				b.Fatal(err)
			}
		}},
		{"a tile of 1 in 8 quadrants", 2, func(b *testing.B, e euclid.Exposure, tile euclid.MERTile, dir string) {
			order := errand.Errand{Tile: tile, Grid: s.grid, Exposure: e, Every: 8, Dest: objstore.Join(dir, "tile")}
			check(b, order, s.send(b, order))
		}},
	} {
		b.Run(what.name, func(b *testing.B) {
			best := [2]time.Duration{time.Hour, time.Hour}
			dir, n := b.TempDir(), 0
			for b.Loop() {
				for range what.rounds { // in turn, so that what else the machine does meets both
					for i, of := range []*site{s, web} {
						n++
						begun := time.Now()
						what.do(b, of.exposure, of.tile, fmt.Sprintf("%s/%d", dir, n))
						best[i] = min(best[i], time.Since(begun))
					}
				}
			}
			ratio := best[1].Seconds() / best[0].Seconds()
			out.row(far, what.name, seconds(best[0]), seconds(best[1]), fmt.Sprintf("%.2f x", ratio))
			b.ReportMetric(ratio, "x-S3")
		})
	}
}

// overHTTPS is the site as a web server has it, each of whose answers comes late.
func (s *site) overHTTPS(b *testing.B, latency time.Duration) *site {
	b.Helper()
	files, err := webserve.New(s.server.Bucket(b, "euclid"))
	if err != nil {
		b.Fatal(err)
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(latency)
		files.ServeHTTP(w, r)
	}))
	b.Cleanup(func() { server.Close(); files.Close() })
	cert := filepath.Join(b.TempDir(), "cert.pem")
	if err := os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o666); err != nil {
		b.Fatal(err)
	}
	b.Setenv("SSL_CERT_FILE", cert) // read once, when the first certificate is looked at
	store := open(b)
	w := *s
	for _, f := range []*euclid.File{&w.exposure.DET, &w.exposure.BKG, &w.exposure.WGT, &w.exposure.PSF, &w.tile.Mosaic} {
		if f.Exists() {
			*f = restated(b, store, *f, server.URL)
		}
	}
	w.tile.Catalogs = nil
	for _, f := range s.tile.Catalogs {
		w.tile.Catalogs = append(w.tile.Catalogs, restated(b, store, f, server.URL))
	}
	return &w
}

func restated(b *testing.B, store objstore.Reader, f euclid.File, server string) euclid.File {
	b.Helper()
	info, err := store.Stat(context.WithoutCancel(b.Context()), strings.Replace(f.URI, base, server, 1))
	if err != nil {
		b.Fatal(err)
	}
	if info.Size != f.Size {
		b.Fatalf("%s has %d bytes, over S3 %d", info.URI, info.Size, f.Size)
	}
	f.URI, f.ETag = info.URI, info.ETag
	return f
}
