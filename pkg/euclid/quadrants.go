package euclid

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/wcs"
)

const (
	// outlineTolerance, in arcsec, is how far the outline's great circles may lie
	// from a quadrant's true edges, which TPV bends: a tenth of a pixel.
	outlineTolerance = 0.01
	// shortLimit, in seconds, lies between the short exposures (~90 s) and the nominal ones (~560 s).
	shortLimit = 250
	// headerReads is how many headers of one file are read at the same time: a
	// third of those of a DET file, so that all take three rounds.
	headerReads = 144
)

// Headers is what the headers of an exposure's files say.
type Headers struct {
	Quadrants []Quadrant // by name
	// Empty are HDUs of DET, such as 3-4.F.SCI, without any pixel: their quadrants
	// are left out.
	Empty []string
	// Lacking says of BKG and PSF files which quadrants they lack, by a name such
	// as 3-4.F in PSF: these can't be used either.
	Lacking map[string]string
}

// ReadQuadrants returns the quadrants that [ReadHeaders] finds.
func ReadQuadrants(ctx context.Context, r objstore.Reader, e Exposure) ([]Quadrant, error) {
	h, err := ReadHeaders(ctx, r, e)
	return h.Quadrants, err
}

// ReadHeaders reads the headers of an exposure's files. It reads no pixels. HDUs are found by EXTNAME, in any
// order: {Q}.SCI, {Q}.RMS and {Q}.FLG in DET, or in a file each, see [Exposure]; {Q} in BKG and PSF; {Q}, {Q}.WGT
// or {Q}.SCI in WGT. Files that the exposure lacks leave their segments zero,
// as do BKG, WGT and PSF files that lack a quadrant which others have, or have
// it without pixels.
//
// Not all headers are read. Of DET, those of SCI are, each of them; where they
// come in turn, the places of RMS and FLG between them follow from that, see
// [fits.ReadIndexParallel]. Of BKG, WGT and PSF, and of RMS and FLG in files of
// their own, some headers stand for all where they are in the order of DET and of
// one size, see [sampled]. So who reads an HDU other than SCI has to hold it to
// its name, type and size.
//
// A DET quadrant without RMS or FLG, an unusable WCS, an exposure time that
// contradicts the exposure number, and a primary header of DET, BKG or WGT that
// is of another exposure than the file's name are bad data, with file and HDU
// named. Of several faults it is always the same one that is told.
func ReadHeaders(ctx context.Context, r objstore.Reader, e Exposure) (Headers, error) {
	if err := e.complete(); err != nil {
		return Headers{}, err
	}
	var sci, rms, flg []*fits.HDU
	var bkg, wgt, psf map[string]Segment
	order := make(chan []string, 5) // of DET's quadrants, for each of the others
	var errs [6]error
	var g sync.WaitGroup
	g.Go(func() {
		sci, errs[0] = e.readSCI(ctx, r)
		for range cap(order) {
			order <- quadrantOrder(sci)
		}
	})
	n := samples
	if e.Split() {
		n = samplesOfSix
		for i, p := range []struct {
			part string
			to   *[]*fits.HDU
		}{{PartRMS, &rms}, {PartFLG, &flg}} {
			g.Go(func() { *p.to, errs[i+1] = e.readPlane(ctx, r, p.part, order) })
		}
	}
	of := e.ExposureID
	for i, p := range []struct {
		file     File
		id       *ExposureID // that its primary header has to agree with
		suffixes []string
		to       *map[string]Segment
	}{
		{e.BKG, &of, []string{""}, &bkg},
		{e.WGT, &of, []string{"", ".WGT", ".SCI"}, &wgt},
		{e.PSF, nil, []string{""}, &psf}, // a PSF is of no exposure
	} {
		if p.file.Exists() {
			g.Go(func() { *p.to, errs[i+3] = readSegments(ctx, r, p.file, p.id, p.suffixes, n, order) })
		}
	}
	g.Wait()
	var found Headers
	if errs[0] == nil && errs[1] == nil && errs[2] == nil {
		found, errs[0] = e.quadrants(sci, rms, flg)
	}
	if err := cmp.Or(errs[:]...); err != nil { // always of the same file, whichever came first
		return Headers{}, err
	}
	for i := range found.Quadrants {
		q := &found.Quadrants[i]
		q.BKG, q.WGT, q.PSF = bkg[q.Name], wgt[q.Name], psf[q.Name]
		found.lacks(e.BKG, BKG, q.Name, q.BKG)
		found.lacks(e.PSF, PSF, q.Name, q.PSF)
	}
	return found, nil
}

// lacks notes that a file is there, and has no pixels of a quadrant.
func (h *Headers) lacks(f File, product, quadrant string, s Segment) {
	if !f.Exists() || s.Length > 0 {
		return
	}
	if h.Lacking == nil {
		h.Lacking = map[string]string{}
	}
	h.Lacking[quadrant+" in "+product] = fmt.Sprintf("%s: no HDU %s with pixels: the quadrant is left out", f.URI, quadrant)
}

// quadrants makes quadrants out of the HDUs of DET, or of the files with its planes.
func (e Exposure) quadrants(hdus, rms, flg []*fits.HDU) (found Headers, err error) {
	if err := e.hold(e.DET.URI, hdus[0]); err != nil {
		return found, err
	}
	hdus = presumed(hdus)
	byName, err := e.byName(hdus, rms, flg)
	if err != nil {
		return found, err
	}
	for _, sci := range hdus { // in the order of the file, so that the same fault blames the same HDU
		base, ok := strings.CutSuffix(sci.Name, ".SCI")
		if !ok || !quadrantName(base) {
			continue
		}
		q, empty, err := e.quadrant(base, byName, hdus[0])
		switch {
		case err != nil:
			return found, err
		case empty != "":
			found.Empty = append(found.Empty, empty)
		default:
			found.Quadrants = append(found.Quadrants, q)
		}
	}
	switch {
	case len(found.Quadrants) == 0 && len(found.Empty) > 0:
		return found, fault.Data("MissingHDU", "none of %d quadrants has pixels, %s for one", len(found.Empty), found.Empty[0]).On(e.DET.URI).Fix("%s", askAuthor)
	case len(found.Quadrants) == 0:
		return found, e.noQuadrants(hdus)
	}
	slices.SortFunc(found.Quadrants, func(a, b Quadrant) int { return strings.Compare(a.Name, b.Name) })
	return found, nil
}

func (e Exposure) noQuadrants(hdus []*fits.HDU) error {
	return fault.Data("MissingHDU", "none of %d HDUs is a quadrant's {row}-{col}.{E,F,G,H}.SCI", len(hdus)).On(e.DET.URI).
		Fix("if it isn't a science exposure, its name is wrong: rename or remove it; else %s", askAuthor)
}

// quadrant makes one of its HDUs in DET, or says which of them has no pixels.
func (e Exposure) quadrant(name string, byName map[string]*fits.HDU, primary *fits.HDU) (q Quadrant, empty string, err error) {
	q = Quadrant{Exposure: e.ExposureID, Name: name}
	sci := byName[name+".SCI"]
	for _, p := range []struct {
		suffix string
		to     *Segment
	}{{".SCI", &q.SCI}, {".RMS", &q.RMS}, {".FLG", &q.FLG}} {
		file := e.Plane(strings.ToLower(p.suffix[1:]))
		h, ok := byName[name+p.suffix]
		if !ok {
			missing := fault.Data("MissingHDU", "no HDU %s%s", name, p.suffix).On(file.URI).
				Fix("the file is incomplete: compare it with the archive's; if it is the same, %s", askAuthor)
			if file == e.DET {
				missing.At("%s", sci)
			}
			return q, "", missing
		}
		if err := RequireImage(file.URI, h); err != nil {
			return q, "", err
		}
		if e.Split() && h.DataSize != sci.DataSize && h.DataSize != 0 && sci.DataSize != 0 {
			return q, "", fault.Data("PlaneSize", "it has %d bytes of pixels, %s in %s has %d", h.DataSize, sci.Name, e.DET.URI, sci.DataSize).
				On(file.URI).At("%s", h).Fix("the files are not of one exposure, or one is damaged: compare them with the archive's; if they are the same, %s", askAuthor)
		}
		if h.DataSize == 0 {
			return q, h.Name, nil
		}
		*p.to = segment(h)
	}
	if q.ExpTime, err = e.exposureTime(sci, primary); err == nil {
		q.Outline, err = outline(sci.Header)
	}
	if err != nil {
		return q, "", locate(err, e.DET.URI, sci)
	}
	return q, "", nil
}

// exposureTime reads EXPTIME from the quadrant or the primary header and holds it against the number.
func (e Exposure) exposureTime(sci, primary *fits.HDU) (float64, error) {
	h := sci.Header
	if !h.Has("EXPTIME") {
		h = primary.Header
	}
	t, err := h.Float("EXPTIME")
	switch {
	case err != nil:
		return 0, err
	case !(t > 0) || math.IsInf(t, 1):
		return 0, fault.Data("ExposureTime", "EXPTIME is %v", t)
	case (e.Number == "1") == (t < shortLimit):
		return 0, fault.Data("ExposureTime", "EXPTIME is %v s, but exposure number %s is %s", t, e.Number,
			map[bool]string{true: "nominal (~560 s)", false: "short (~90 s)"}[e.Number == "1"])
	}
	return t, nil
}

// outline is the edge of an image on the sky.
func outline(h *fits.Header) ([]sky.Coord, error) {
	switch n, err := h.Int("NAXIS"); {
	case err != nil:
		return nil, err
	case n != 2:
		return nil, fault.Data("NotAnImage", "NAXIS is %d: a quadrant's image has 2 axes", n).Fix("%s", askAuthor)
	}
	nx, err := h.Int("NAXIS1")
	if err != nil {
		return nil, err
	}
	ny, err := h.Int("NAXIS2")
	if err != nil {
		return nil, err
	}
	w, err := wcs.New(h)
	if err != nil {
		return nil, err
	}
	return w.OutlineTo(int(nx), int(ny), outlineTolerance), nil
}

// presumed gives names to HDUs of DET of which nothing was read, after those
// that they are like: what stands before or after a SCI as 3-4.E.RMS stands
// to 3-4.E.SCI is the RMS of that quadrant.
func presumed(hdus []*fits.HDU) []*fits.HDU {
	science := map[string]int{} // index by quadrant
	for _, h := range hdus {
		if base, ok := strings.CutSuffix(h.Name, ".SCI"); ok {
			science[base] = h.Index
		}
	}
	all := slices.Clone(hdus)
	for i, h := range all {
		if h.Like == nil || len(h.Like.Name) < len("1-1.E.") {
			continue
		}
		base, suffix := h.Like.Name[:len("1-1.E")], h.Like.Name[len("1-1.E"):]
		at, ok := science[base]
		if at += i - h.Like.Index; !ok || at < 0 || at >= len(all) {
			continue
		}
		if base, ok := strings.CutSuffix(all[at].Name, ".SCI"); ok {
			named := *h
			named.Name = base + suffix
			all[i] = &named
		}
	}
	return all
}

// UniqueNames are the HDUs of a file by EXTNAME; one that stands twice, or can't
// be read, is bad data.
func UniqueNames(uri string, hdus []*fits.HDU) (map[string]*fits.HDU, error) {
	m := make(map[string]*fits.HDU, len(hdus))
	for _, h := range hdus {
		if h.Unnamed != nil {
			return nil, locate(h.Unnamed, uri, h)
		}
		if h.Name == "" {
			continue
		}
		if first, ok := m[h.Name]; ok {
			return nil, fault.Data("DuplicateHDU", "EXTNAME is also that of HDU %d", first.Index).On(uri).At("%s", h).
				Fix("nobody can say which of the two is meant: %s", askAuthor)
		}
		m[h.Name] = h
	}
	return m, nil
}

// quadrantName says whether s is like 3-4.F.
func quadrantName(s string) bool {
	return len(s) == 5 && s[0] >= '1' && s[0] <= '6' && s[1] == '-' && s[2] >= '1' && s[2] <= '6' &&
		s[3] == '.' && s[4] >= 'E' && s[4] <= 'H'
}

// RequireImage refuses what can't be a quadrant's pixels as they are.
func RequireImage(uri string, h *fits.HDU) error {
	if h.Kind == "IMAGE" {
		return nil
	}
	return fault.Data("NotAnImage", "the HDU is of type %s", h.Kind).On(uri).At("%s", h).
		Fix("if it is tile-compressed (ZIMAGE), uncompress the file, by funpack for one: quadrants are copied as they are")
}

// askAuthor is what helps where a file may be just as it was made.
const askAuthor = "ask who made the file for one that is mended, or leave the exposure out by data.max_missing"

func segment(h *fits.HDU) Segment { return Segment{Offset: h.Offset, Length: h.Length()} }

func readerAt(ctx context.Context, r objstore.Reader, f File) io.ReaderAt {
	return objstore.ReaderAt(ctx, r, objstore.Info{URI: f.URI, Size: f.Size, ETag: f.ETag})
}

// locate adds the file, and the HDU where it is not there yet, to an error of a
// package that sees only bytes or keywords.
func locate(err error, uri string, h *fits.HDU) error {
	var f *fault.Error
	switch {
	case !errors.As(err, &f):
		return fmt.Errorf("%s: %w", uri, err)
	case f.Object != "":
		return fmt.Errorf("read headers: %w", err)
	}
	g := *f
	g.Object = uri
	if h != nil && !strings.HasPrefix(f.Place, "HDU ") {
		g.Place = strings.TrimSuffix(h.String()+", "+f.Place, ", ")
	}
	return &g
}
