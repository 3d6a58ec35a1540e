package euclid_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/sky"
)

const stamp = "20241017T042839.727728"

// visName is a Q1 name; number 0 makes a PSF's.
func visName(product, obs string, dither, number int, time string) string {
	if product == euclid.PSF {
		return "EUC_VIS_GRD-PSF-000-000000-0000000__" + time + "Z.fits"
	}
	return fmt.Sprintf("EUC_VIS_SWL-%s-%s-%02d-%d-0000000__%sZ.fits", product, obs, dither, number, time)
}

func merName(product string, tile int64, time, part string) string {
	return fmt.Sprintf("EUC_MER_%s_TILE%d-CC66F6_%sZ_%s.fits", product, tile, time, part)
}

func put(t testing.TB, w objstore.Writer, uri string, data []byte) euclid.File {
	t.Helper()
	info, err := objstore.WriteFile(t.Context(), w, uri, data)
	if err != nil {
		t.Fatal(err)
	}
	return euclid.File{URI: uri, Size: info.Size, ETag: info.ETag}
}

// hdu is an extension of a test file; nil data are zeros.
type hdu struct {
	header *fits.Header
	data   []byte
}

func file(t testing.TB, primary *fits.Header, hdus ...hdu) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, h := range slices.Insert(hdus, 0, hdu{header: primary}) {
		data := h.data
		if data == nil {
			data = make([]byte, dataSize(t, h.header))
		}
		if err := fits.WriteHDU(&b, h.header, bytes.NewReader(data), int64(len(data))); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func dataSize(t testing.TB, h *fits.Header) int64 {
	if n, err := h.Int("NAXIS"); err != nil || n == 0 {
		return 0
	}
	size := int64(1)
	for _, key := range []string{"BITPIX", "NAXIS1", "NAXIS2"} {
		n, err := h.Int(key)
		if err != nil {
			t.Fatal(err)
		}
		size *= max(n, -n)
	}
	return size / 8
}

const nx, ny = 12, 10

// image is a quadrant's image with a TPV like VIS's.
func image(name string, bitpix int, centre sky.Coord) *fits.Header {
	return fits.NewImage(bitpix, nx, ny).
		SetText("EXTNAME", name, "").
		SetText("CTYPE1", "RA---TPV", "").SetText("CTYPE2", "DEC--TPV", "").
		SetFloat("CRVAL1", centre.RA, "").SetFloat("CRVAL2", centre.Dec, "").
		SetFloat("CRPIX1", (nx+1)/2., "").SetFloat("CRPIX2", (ny+1)/2., "").
		SetFloat("CD1_1", -2.78e-5, "").SetFloat("CD1_2", 0, "").
		SetFloat("CD2_1", 0, "").SetFloat("CD2_2", 2.78e-5, "").
		SetFloat("PV1_1", 1, "").SetFloat("PV2_1", 1, "").SetFloat("PV1_4", 1e-3, "").
		SetFloat("EXPTIME", 560.52, "").SetText("MAGZEROP", "24.56605", "")
}

func empty(name string) *fits.Header { return fits.NewImage(-32, nx, ny).SetText("EXTNAME", name, "") }

func visPrimary(number int64) *fits.Header { return fits.NewPrimary().SetInt("EXPNUM", number, "") }

// det has the HDUs of some quadrants, in the order that they are found in.
func det(names ...string) []hdu {
	var hdus []hdu
	for i, n := range names {
		at := sky.Coord{RA: 57.5 + 0.1*float64(i), Dec: -51}
		hdus = append(hdus, hdu{header: image(n+".SCI", -32, at)}, hdu{header: empty(n + ".RMS")},
			hdu{header: fits.NewImage(32, nx, ny).SetText("EXTNAME", n+".FLG", "")})
	}
	return hdus
}

func named(names ...string) []hdu {
	var hdus []hdu
	for _, n := range names {
		hdus = append(hdus, hdu{header: empty(n)})
	}
	return hdus
}

// source is a row of a test catalogue.
type source struct {
	id      int64
	ra, dec float64
	flux    float64
}

const nullID = -999

// catalogFile is a MER catalogue with its columns in some order and letter case.
func catalogFile(t testing.TB, sources []source, order ...string) []byte {
	t.Helper()
	if len(order) == 0 {
		order = []string{"OBJECT_ID", "RIGHT_ASCENSION", "DECLINATION", "FLUX_DETECTION_TOTAL", "NAME", "VIS_DET"}
	}
	null := int64(nullID)
	format := map[string]string{"object_id": "1K", "right_ascension": "1D", "declination": "1D",
		"flux_detection_total": "1E", "name": "7A", "vis_det": "1I"}
	var cols []fits.Column
	for _, name := range order {
		c := fits.Column{Name: name, Format: cmp.Or(format[strings.ToLower(name)], "1E")}
		if strings.EqualFold(name, "object_id") {
			c.Null = &null
		}
		if strings.EqualFold(name, "declination") {
			c.Unit = "deg"
		}
		cols = append(cols, c)
	}
	h := fits.NewTable(cols, int64(len(sources))).SetText("EXTNAME", "CATALOG", "").
		SetText("DATASUM", "0", "").SetText("CHECKSUM", "0000000000000000", "").Comment("kept as it is")
	var data []byte
	for i, s := range sources {
		row := make([]byte, rowSize(cols))
		for k := range cols {
			switch c := &cols[k]; strings.ToLower(c.Name) {
			case "object_id":
				c.PutInt(row, s.id)
			case "right_ascension":
				c.PutFloat(row, s.ra)
			case "declination":
				c.PutFloat(row, s.dec)
			case "flux_detection_total":
				c.PutFloat(row, s.flux)
			case "name":
				c.PutText(row, fmt.Sprintf("src%04d", i))
			case "vis_det":
				c.PutInt(row, int64(i%2))
			}
		}
		data = append(data, row...)
	}
	if data == nil {
		data = []byte{}
	}
	return file(t, fits.NewPrimary().SetText("TILE", "102018211", "").Comment("the primary"), hdu{h, data})
}

func rowSize(cols []fits.Column) int {
	last := cols[len(cols)-1]
	return int(last.Offset) + last.Width
}

// tileSources are sources over a square of 30' around a centre.
func tileSources(centre sky.Coord, first int64) []source {
	var all []source
	plane := sky.NewTangent(centre)
	for i := range 5 {
		for j := range 5 {
			c := plane.Deproject(sky.Offset{Xi: 0.125 * float64(i-2), Eta: 0.125 * float64(j-2)})
			all = append(all, source{id: first + int64(5*i+j), ra: c.RA, dec: c.Dec, flux: float64(i)})
		}
	}
	return all
}

// wantFault checks an error's kind and code and that its text has some words.
func wantFault(t testing.TB, err error, kind fault.Kind, code string, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %s", code)
	}
	if fault.KindOf(err) != kind || (code != "" && fault.CodeOf(err) != code) {
		t.Errorf("%v: kind %v, code %s, want %v, %s", err, fault.KindOf(err), fault.CodeOf(err), kind, code)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q doesn't say %q", err, w)
		}
	}
}

// failing fails reads with an error.
type failing struct {
	objstore.Store
	err error
}

func (f failing) Get(context.Context, string, string, objstore.Range) (io.ReadCloser, error) {
	return nil, f.err
}
