package euclid_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
)

func TestMain(m *testing.M) { os.Exit(s3test.Main(m)) }

// bucket is a bucket of a real S3 server and how it is reached.
type bucket struct {
	dir   string
	store *objstore.Mux
	proxy *s3test.Proxy
}

func newBucket(t *testing.T) bucket {
	t.Helper()
	s := s3test.Start(t)
	s.Setenv(t)
	p := s.Proxy(t, 0*time.Millisecond)
	p.Setenv(t)
	return bucket{s.Bucket(t, "euclid"), objstore.Open(t.Context(), objstore.Config{}), p}
}

func (b bucket) write(t *testing.T, key string, data []byte) {
	t.Helper()
	path := filepath.Join(b.dir, key)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// A listing of several pages gives what one in memory gives.
func TestS3Listing(t *testing.T) {
	b, m := newBucket(t), objstore.NewMemory()
	const n = 280 // exposures of four files: more than one page of 1000 keys
	for i := range n {
		obs := fmt.Sprintf("%06d", 2681+i/4)
		for _, product := range []string{"DET", "BKG", "WGT", "PSF"} {
			time := stamp
			if product == "PSF" {
				time = fmt.Sprintf("20240322T192915.%d", i%4)
			}
			key := fmt.Sprintf("VIS/%d/%s", 2681+i/4, visName(product, obs, i%4, 1, time))
			b.write(t, key, []byte("x"))
			put(t, m, "mem://euclid/"+key, []byte("x"))
		}
	}
	before := b.proxy.Requests()
	got, err := euclid.IndexExposures(t.Context(), b.store, "s3://euclid/VIS/", settings.Nominal)
	if err != nil {
		t.Fatal(err)
	}
	if pages := b.proxy.Requests() - before; pages != 2 {
		t.Errorf("%d requests for the listing", pages)
	}
	want, err := euclid.IndexExposures(t.Context(), m, "mem://euclid/VIS/", settings.Nominal)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ids(want.Exposures), ids(got.Exposures)); diff != "" || len(got.Exposures) != n {
		t.Errorf("%d exposures (-want +got)\n%s", len(got.Exposures), diff)
	}
	if len(got.Superseded) != n/4*3 || len(got.Incomplete) != 0 {
		t.Errorf("%d superseded, incomplete %v", len(got.Superseded), got.Incomplete)
	}
	_, err = euclid.IndexExposures(t.Context(), b.store, "s3://euclid/NIR", settings.Nominal)
	wantFault(t, err, fault.BadInput, "NoObservations", "s3://euclid/NIR")
}

// Headers and rows come by range requests that carry little more than they must.
func TestS3Reads(t *testing.T) {
	b := newBucket(t)
	b.write(t, "det.fits", file(t, visPrimary(1), det("1-1.E", "1-1.F", "1-1.G", "1-1.H")...))
	cat := catalogFile(t, tileSources(sky.Coord{RA: 58, Dec: -51.5}, -100))
	b.write(t, "cat.fits", cat)
	stat := func(key string) euclid.File {
		info, err := b.store.Stat(t.Context(), "s3://euclid/"+key)
		if err != nil {
			t.Fatal(err)
		}
		return euclid.File{URI: info.URI, Size: info.Size, ETag: info.ETag}
	}
	qs, err := euclid.ReadQuadrants(t.Context(), b.store, euclid.Exposure{
		ExposureID: euclid.ExposureID{Obs: "002681", Dither: "00", Number: "1"}, DET: stat("det.fits")})
	if err != nil || len(qs) != 4 {
		t.Errorf("%d quadrants, %v", len(qs), err)
	}
	c := open(t, b.store, stat("cat.fits"))
	s := euclid.NewSubset(c.Layout(), false)
	defer s.Close()
	if err := c.Rows(t.Context(), s.Add); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := s.Write(&out); err != nil {
		t.Fatal(err)
	}
	n := 25 * c.Layout().RowSize()
	if at := bytes.Index(out.Bytes(), cat[len(cat)-2880:][:n]); at < 0 || out.Len() != len(cat) {
		t.Error("the rows of the whole catalogue changed on their way")
	}
	b.write(t, "cat.fits", catalogFile(t, tileSources(sky.Coord{RA: 59, Dec: -51.5}, -100)))
	wantFault(t, c.Rows(t.Context(), s.Add), fault.BadInput, "ObjectChanged", "s3://euclid/cat.fits")
}
