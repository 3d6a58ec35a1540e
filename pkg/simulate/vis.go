package simulate

import (
	"fmt"
	"math"
	"path"
	"strings"
	"time"

	"github.com/cosmostat/constellation/pkg/fits"
)

const (
	softwareNow = "9.1"
	softwareOld = "8.4" // of a file that was delivered again
)

// layers are the images a product has of each quadrant: suffixes of their names.
var layers = map[string][]string{"DET": {".SCI", ".RMS", ".FLG"}, "BKG": {""}, "WGT": {""}, "PSF": {""}}

// visFiles are all files below VIS, in the order of their making.
func (s Survey) visFiles(sources []source) []file {
	var files []file
	all := s.exposures()
	for i, e := range all {
		nearby := near(visible(sources), e.pointing, s.reach()+spill)
		for _, product := range []string{"DET", "BKG", "WGT"} {
			if product == "WGT" && s.MissingWGT && i == len(all)-1 {
				continue
			}
			processed := s.processed(product + e.String())
			for _, part := range s.deliveries(product, i) {
				files = append(files, s.visFile(e, product, part, processed, softwareNow, nearby))
				if i == 0 && product == s.Redelivered {
					files = append(files, s.visFile(e, product, part, processed.AddDate(0, -1, 0), softwareOld, nearby))
				}
			}
		}
		if i == 0 || all[i-1].obs != e.obs {
			if i == 0 || s.Release != releaseQ2 { // there is one directory
				files = append(files, s.psfFile(e))
			}
			files = append(files, s.stranger(e))
		}
	}
	return files
}

// deliveries are the files in which a product of exposure number i lies: of DET in
// q2 three, the combined one, or all four, in turn; of others one.
func (s Survey) deliveries(product string, i int) []string {
	three := []string{"sci", "rms", "flg"}
	switch {
	case product != "DET" || s.Release != releaseQ2 || i%3 == 1:
		return []string{""}
	case i%3 == 0:
		return three
	}
	return append(three, "")
}

// layersOf are the layers of a product's file, or of the part of a DET in three.
func layersOf(product, part string) []string {
	if part != "" {
		return []string{"." + strings.ToUpper(part)}
	}
	return layers[product]
}

// part is one extension to make.
type part struct {
	q     quadrant
	layer string
}

// parts are a file's extensions, in groups that are made together.
func (s Survey) parts(layers []string, purpose string) [][]part {
	var groups [][]part
	for _, q := range s.quadrants() {
		var group []part
		for _, layer := range layers {
			group = append(group, part{q, layer})
		}
		if !s.Shuffle {
			groups = append(groups, group)
			continue
		}
		for i := range group { // each by itself: the quadrant is rendered again for each layer
			groups = append(groups, group[i:i+1])
		}
	}
	if s.Shuffle {
		random(s.Seed, "order", purpose).Shuffle(len(groups), func(i, j int) {
			groups[i], groups[j] = groups[j], groups[i]
		})
	}
	return groups
}

// visFile is the DET, BKG or WGT file of an exposure, or the part of a DET in three.
func (s Survey) visFile(e exposure, product, in string, processed time.Time, software string, sources []*source) file {
	to := s.visPath(e, product, in, processed)
	groups := s.parts(layersOf(product, in), to)
	return file{
		path:  to,
		head:  s.primary(e, product, path.Base(to), processed, software).Encode(),
		parts: len(groups),
		part: func(i int) ([]piece, error) {
			v := sight{s, e, groups[i][0].q, nil}
			if s.Sparse {
				return v.outlines(product, groups[i])
			}
			centre := s.solve(e, v.q).crval
			v.sources = near(sources, centre, math.Hypot(s.ccdWidth(), s.ccdHeight())/2/3600+spill)
			return v.images(product, groups[i])
		},
	}
}

// header is the header of a layer of the quadrant.
func (v sight) header(product, layer string) *fits.Header {
	name := v.q.String() + layer
	switch {
	case layer == ".FLG":
		return fill(v.extension(v.e, v.q, name, "", 32), extensionBlocks)
	case product == "WGT":
		return fill(v.extension(v.e, v.q, name, "", -32), extensionBlocks)
	case product == "BKG":
		median, deviation := v.level()
		h := v.extension(v.e, v.q, name, "ADU", -32).
			SetFloat("BKG_MED", median, "[ADU] median").
			SetFloat("BKG_MAD", deviation, "[ADU] median absolute deviation")
		return fill(h, extensionBlocks)
	}
	return fill(v.extension(v.e, v.q, name, "ADU", -32), extensionBlocks)
}

// outlines are extensions without their pixels.
func (v sight) outlines(product string, group []part) ([]piece, error) {
	var pieces []piece
	for _, p := range group {
		h := v.header(product, p.layer)
		if err := h.Err(); err != nil {
			return nil, err
		}
		pieces = append(pieces, piece{h.Encode(), fits.Pad(4 * int64(v.Width) * int64(v.Height))})
	}
	return pieces, nil
}

// images are extensions with their pixels.
func (v sight) images(product string, group []part) ([]piece, error) {
	var sci, rms []float32
	var flg []int32
	if product == "DET" {
		var err error
		if sci, rms, flg, err = v.expose(); err != nil {
			return nil, err
		}
	}
	var pieces []piece
	for _, part := range group {
		h := v.header(product, part.layer)
		var p piece
		var err error
		switch {
		case product == "BKG":
			p, err = encode(h, v.backgrounds())
		case product == "WGT":
			p, err = encode(h, v.weights())
		case part.layer == ".SCI":
			p, err = encode(h, sci)
		case part.layer == ".RMS":
			p, err = encode(h, rms)
		default:
			p, err = encodeInts(h, flg)
		}
		if err != nil {
			return nil, err
		}
		pieces = append(pieces, p)
	}
	return pieces, nil
}

// psfFile is the PSF product in the directory of an exposure's observation.
func (s Survey) psfFile(e exposure) file {
	groups := s.parts(layers["PSF"], "PSF")
	h := fits.NewPrimary().
		SetText("TELESCOP", "Euclid", "").
		SetText("INSTRUME", "VIS", "").
		SetText("ORIGIN", "simulation", "not an observation").
		SetText("FILENAME", s.psfName(), "").
		SetText("DATE", "2024-03-22T19:29:15.424", "when this file was made").
		SetText("PRODUCT", "PSF", "kind of this file").
		SetInt("NSTAMPX", stampGrid, "stamps in x").
		SetInt("NSTAMPY", stampGrid, "stamps in y").
		SetInt("STMPSIZE", stampSide, "[pixel] side of a stamp").
		SetFloat("PIXSCALE", pixelScale, "[arcsec]")
	return file{
		path:  s.psfPath(e.obs),
		head:  fill(h, primaryBlocks).Encode(),
		parts: len(groups),
		part: func(i int) ([]piece, error) {
			q := groups[i][0].q
			h := fits.NewImage(-32, stampGrid*stampSide, stampGrid*stampSide).
				SetText("EXTNAME", q.String(), "").
				SetText("CCDID", q.ccd(), "row and column of the CCD").
				SetText("QUADID", string(q.letter), "quadrant of the CCD").
				SetFloat("PIXSCALE", pixelScale, "[arcsec]")
			p, err := encode(h, s.stamps(q))
			return []piece{p}, err
		},
	}
}

// stranger is a file of another kind in an observation's directory, as real ones have.
func (s Survey) stranger(e exposure) file {
	to := fmt.Sprintf("%sEUC_VIS_SWL-STK-%06d-00-0-0000000__%s.fits", s.observationDir(e.obs), e.obs, stamp(s.processed("STK"+e.String())))
	h := fits.NewPrimary().SetText("FILENAME", path.Base(to), "").SetText("PRODUCT", "STK", "kind of this file")
	return file{path: to, head: h.Encode()}
}
