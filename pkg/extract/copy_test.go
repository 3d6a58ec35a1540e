package extract

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc64"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// large is a survey of one exposure whose DET files are worth copying on a server.
func large(t testing.TB, s store, base string) *fixture {
	v := newSurvey(t, s, base)
	v.nx, v.ny = 480, 481
	v.expose("002681", "00", sky.Offset{})
	v.catalogs = append(v.catalogs, v.catalog("own.fits", 1, v.scatter(-4, 4, 300)))
	return v
}

// nvmeOf is the CRC64NVME of a file as manifests have it.
func nvmeOf(data []byte) string {
	sum := crc64.Checksum(data, crc64.MakeTable(0x9a6c9329ac4bc9b5))
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, sum))
}

// However HDUs come to the products, these are the same; a store that copies
// spares this process most of the bytes, and one that won't is gone around.
func TestCopyOnServer(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, "survey")
	proxy := server.Proxy(t, 0)
	proxy.Setenv(t)
	s := objstore.Open(t.Context(), objstore.Config{})
	v := large(t, s, "s3://survey")
	refuse := func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
		return r.Header.Get("X-Amz-Copy-Source") != "" && s3test.Make(s3test.Denied)(w, r, pass)
	}
	var streamed, copied map[string][]byte
	for _, c := range []struct {
		name   string
		mode   settings.Copy
		fault  s3test.Fault
		copies bool
		why    string
	}{
		{"streamed", settings.CopyStream, nil, false, ""},
		{"copied", settings.CopyServer, nil, true, ""},
		{"auto", settings.CopyAuto, nil, true, ""},
		{"refused", settings.CopyServer, refuse, false, "AccessDenied"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := "s3://survey/out/" + c.name
			job := v.job(dir)
			job.Copy = c.mode
			proxy.Inject(c.fault)
			in, out := proxy.BytesIn(), proxy.BytesOut()
			report, err := Tile(t.Context(), job)
			in, out = proxy.BytesIn()-in, proxy.BytesOut()-out
			proxy.Inject(nil)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(report.NotCopied, c.why) || (c.why == "") != (report.NotCopied == "") {
				t.Errorf("the report says %q", report.NotCopied)
			}
			var total int64
			for _, sub := range report.SubTiles {
				total += sub.Bytes
			}
			passed := report.PayloadBytes + report.HeaderBytes + report.CatalogBytes
			if c.copies != (report.CopiedBytes > 0) || c.fault == nil && in > total-report.CopiedBytes+1e6 || c.copies && out > passed+1e6 {
				t.Errorf("%d bytes were copied by the store, %d came in and %d went out, for %d", report.CopiedBytes, in, out, total)
			}
			if !c.copies && c.fault == nil && report.PayloadBytes != report.ReferencedBytes {
				t.Errorf("%d bytes of HDUs read, %d referenced", report.PayloadBytes, report.ReferencedBytes)
			}
			got := v.listing(dir)
			for name, data := range got {
				if !strings.HasSuffix(name, survey.LocalManifestFile) {
					continue
				}
				m, err := manifest.Read(bytes.NewReader(data))
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range m.Files {
					file := got[strings.TrimSuffix(name, survey.LocalManifestFile)+f.Path]
					if c.mode != settings.CopyStream && f.CRC64NVME != nvmeOf(file) || f.Size != int64(len(file)) {
						t.Errorf("%+v does not describe the file, which has %s", f, nvmeOf(file))
					}
				}
			}
			switch {
			case streamed == nil:
				streamed = got
			case copied == nil:
				same(t, streamed, got, survey.LocalManifestFile)
				copied = got
			default:
				same(t, copied, got, "")
			}
		})
	}
}

// Products that a store copies are held to the index by name and ETag too.
func TestCopyOnServerRefusesStale(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, "survey")
	server.Setenv(t)
	s := objstore.Open(t.Context(), objstore.Config{})
	v := large(t, s, "s3://survey")
	job := v.job("s3://survey/out")
	job.Copy = settings.CopyServer
	i := slices.IndexFunc(job.Quadrants, func(q euclid.Quadrant) bool { return q.Name == "1-2.E" })
	job.Quadrants[i].SCI, job.Quadrants[i].FLG = job.Quadrants[i].FLG, job.Quadrants[i].SCI
	if _, err := Tile(t.Context(), job); fault.CodeOf(err) != codeStale || !strings.Contains(err.Error(), "1-2.E") {
		t.Errorf("HDUs changed places: %v", err)
	}
	job = v.job("s3://survey/out")
	job.Copy = settings.CopyServer
	v.write("VIS/002681/DET_002681_00_1.fits", v.det(v.exposures[0].ExposureID, sky.Offset{Xi: 1e-3}))
	if _, err := Tile(t.Context(), job); fault.CodeOf(err) != objstore.ObjectChanged {
		t.Errorf("replaced: %v", err)
	}
	job.Copy = "teleport"
	if _, err := Tile(t.Context(), job); fault.CodeOf(err) != "CopyInvalid" {
		t.Errorf("teleport: %v", err)
	}
}

func TestChecksums(t *testing.T) {
	v := newSurvey(t, objstore.NewMemory(), "mem://bucket")
	v.signed = true
	e := v.expose("002681", "00", sky.Offset{})
	v.catalogs = append(v.catalogs, v.catalog("own.fits", 1, v.scatter(-4, 4, 30)))
	if _, err := Tile(t.Context(), v.job(v.base+"/whole")); err != nil {
		t.Fatal(err)
	}
	data := slices.Clone(v.read(e.BKG.URI))
	index, err := fits.ReadIndex(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	hdu := index[6]
	data[hdu.DataOffset()+1000] ^= 4
	e.BKG = v.write("VIS/002681/BKG_002681_00_1.fits", data)
	_, err = Tile(t.Context(), v.job(v.base+"/damaged"))
	if fault.CodeOf(err) != fits.CodeChecksum || fault.KindOf(err) != fault.BadData {
		t.Fatal(err)
	}
	for _, want := range []string{e.BKG.URI, hdu.Name, "DATASUM", "copy it again", "data.max_missing", "data.verify: warn"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
}
