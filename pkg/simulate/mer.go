package simulate

import (
	"math"
	"strconv"

	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/wcs"
)

// merFiles are all files below MER and catalogs.
func (s Survey) merFiles(sources []source) ([]file, error) {
	var files []file
	seen := visible(sources)
	for i, tile := range s.Tiles() {
		mosaic, err := s.mosaic(tile, near(seen, tile.Centre, s.TileArcmin/60/math.Sqrt2+spill))
		if err != nil {
			return nil, err
		}
		var own []*source
		for j := range sources {
			if sources[j].tile == i {
				own = append(own, &sources[j])
			}
		}
		files = append(files, mosaic, s.catalog("FINAL-CAT", tile, own, fields()))
		for _, other := range []string{"FINAL-CUTOUTS-CAT", "FINAL-MORPH-CAT"} {
			files = append(files, s.catalog(other, tile, own, knownFields()[:3]))
		}
	}
	return files, nil
}

// Scale and depth of the mosaics: in uJy, as deep as four exposures.
const (
	mosaicZero  = 23.9
	mosaicNoise = 0.0018 // uJy a pixel
)

// mosaic is the background-subtracted VIS image of a tile, in its primary HDU.
func (s Survey) mosaic(tile sky.Tile, sources []*source) (file, error) {
	to := s.mosaicPath(tile.ID)
	side := int(math.Round(s.TileArcmin * 60 / pixelScale))
	h := fits.NewPrimaryImage(-32, side, side)
	putTangent(h, tile.Centre, side, side)
	h.SetText("TELESCOP", "Euclid", "").
		SetText("INSTRUME", "VIS", "").
		SetText("ORIGIN", "simulation", "not an observation").
		SetText("FILTER", "VIS", "").
		SetInt("TILEID", tile.ID, "MER tile").
		SetText("BUNIT", "uJy", "").
		SetFloat("MAGZERO", mosaicZero, "AB magnitude of 1").
		SetText("SOFTVERS", softwareNow, "")
	for i, e := range s.exposures() {
		if e.number == 1 && i < 20 {
			h.SetText("VISEXP"+strconv.Itoa(i), s.called(e), "exposure that went in")
		}
	}
	fill(h, mosaicBlocks)
	w, err := wcs.New(h)
	if err != nil {
		return file{}, err
	}
	// Strips of rows, so that a full-size mosaic is never in memory as a whole.
	const strip = 256
	parts := (side + strip - 1) / strip
	return file{path: to, head: h.Encode(), parts: parts, part: func(i int) ([]piece, error) {
		rows := min(strip, side-i*strip)
		size := 4 * int64(rows) * int64(side)
		var pad int64
		if i == parts-1 {
			pad = fits.Pad(4*int64(side)*int64(side)) - 4*int64(side)*int64(side)
		}
		if s.Sparse {
			return []piece{{hole: size + pad}}, nil
		}
		c := newCanvas(1, 1+i*strip, side, rows)
		for _, src := range sources {
			if x, y, err := w.ToPixel(src.sky); err == nil {
				c.draw(src, src.flux, x, y, w.Jacobian(x, y), psf(0, 0))
			}
		}
		r := random(s.Seed, "mosaic", strconv.FormatInt(tile.ID, 10), strconv.Itoa(i))
		for j := range c.pixels {
			c.pixels[j] += float32(mosaicNoise * r.NormFloat64())
		}
		return []piece{{bytes: fits.AppendFloat32(make([]byte, 0, size), c.pixels), hole: pad}}, nil
	}}, nil
}

// catalog is a table of a tile's own sources.
func (s Survey) catalog(product string, tile sky.Tile, own []*source, fields []field) file {
	to := s.catalogPath(product, tile.ID)
	primary := fits.NewPrimary().
		SetText("TELESCOP", "Euclid", "").
		SetText("ORIGIN", "simulation", "not an observation").
		SetInt("TILEID", tile.ID, "MER tile")
	columns := tableColumns(fields)
	h := fits.NewTable(columns, int64(len(own))).SetText("EXTNAME", "EUC_MER__"+product, "")
	last := columns[len(columns)-1]
	width := last.Offset + int64(last.Width)
	size := width * int64(len(own))

	const chunk = 1024 // rows
	parts := (len(own) + chunk - 1) / chunk
	return file{path: to, head: append(primary.Encode(), h.Encode()...), parts: parts, part: func(i int) ([]piece, error) {
		some := own[i*chunk : min((i+1)*chunk, len(own))]
		b := make([]byte, width*int64(len(some)))
		for j, src := range some {
			row := b[int64(j)*width : int64(j+1)*width]
			m := measure(src, random(s.Seed, "measure", strconv.FormatInt(src.id, 10)))
			for k := range columns {
				put(row, &columns[k], fields[k], m)
			}
		}
		var pad int64
		if i == parts-1 {
			pad = fits.Pad(size) - size
		}
		return []piece{{bytes: b, hole: pad}}, nil
	}}
}

// put writes a field of a row.
func put(row []byte, c *fits.Column, f field, m *measurement) {
	if f.value == nil {
		c.PutInt(row, m.id)
		return
	}
	switch v := f.value(m); {
	case c.Null == nil:
		c.PutFloat(row, v)
	case math.IsNaN(v):
		c.PutInt(row, *c.Null)
	default:
		c.PutInt(row, int64(v))
	}
}
