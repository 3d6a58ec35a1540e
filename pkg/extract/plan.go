package extract

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// plan is who needs what.
type plan struct {
	directories []*directory // as Job.SubTiles
	transfers   []*transfer  // one for each source file that is needed, or three of a DET
	byURI       map[string]*transfer

	catalogs   catalogs
	copies     copies
	losses     *losses
	lost       []survey.LeftOut
	leftOut    []survey.LeftOut
	withoutWGT []euclid.ExposureID
}

// directory is a sub-tile being made.
type directory struct {
	sub       sky.SubTile
	uri       string
	quadrants []use
	products  []*product // files other than manifests and provenance
	inputs    []euclid.File

	catalog       *product
	sources, core []int64
	joined        []string // URIs of the catalogues with rows here

	coverage, extended *sky.Coverage // of the core, and of the extended area

	files    int
	bytes    int64
	manifest string // SHA-256 of the local manifest, once it is written
}

// use is a quadrant that a sub-tile needs.
type use struct {
	euclid.Quadrant
	files euclid.Exposure
}

// transfer is the copying of one source file's HDUs, or of those of the three files
// that hold the planes of a DET.
type transfer struct {
	file     euclid.File   // whose primary HDU the products have
	files    []euclid.File // all of them, that one first
	purpose  string        // e.g. "SCI of exposure 002681_00_1"
	pieces   []*piece      // in the products' order, once the plan is made
	products []*product
	users    []euclid.ExposureID // whose file it is: a PSF's may be several
	byPath   map[string]*product // by URI
	byPlace  map[place]*piece

	read, headers, copied int64         // bytes
	resumed               int64         // bytes of products that an earlier attempt left
	moved                 *atomic.Int64 // bytes, by all transfers of the tile

	unverified []string // what doesn't match its checksum, where that is let pass
}

// place is where an HDU begins.
type place struct {
	uri    string
	offset int64
}

// piece is one HDU and where it goes.
type piece struct {
	euclid.Segment
	file  euclid.File
	names []string // one of which its EXTNAME must be
	// renamed: products call it by the first of its names, whichever it has.
	renamed bool
	// after and plane order the pieces of several files: by the SCI that it goes with.
	after int64
	plane int
	fixed bool // its header was read for the index, and more than its place was taken from that
	to    []*product
}

// part is one of the HDUs of a quadrant, and the product file that takes it.
type part struct {
	product  string   // sci, bkg, wgt, psf
	plane    int      // of several in one product
	suffixes []string // of its EXTNAME after the quadrant's name
	file     func(euclid.Exposure) euclid.File
	segment  func(euclid.Quadrant) euclid.Segment
}

func parts() []part {
	in := func(plane string) func(euclid.Exposure) euclid.File {
		return func(e euclid.Exposure) euclid.File { return e.Plane(plane) }
	}
	return []part{
		{survey.PlaneSCI, 0, []string{".SCI"}, in(euclid.PartSCI), func(q euclid.Quadrant) euclid.Segment { return q.SCI }},
		{survey.PlaneSCI, 1, []string{".RMS"}, in(euclid.PartRMS), func(q euclid.Quadrant) euclid.Segment { return q.RMS }},
		{survey.PlaneSCI, 2, []string{".FLG"}, in(euclid.PartFLG), func(q euclid.Quadrant) euclid.Segment { return q.FLG }},
		{survey.PlaneBKG, 0, []string{""}, func(e euclid.Exposure) euclid.File { return e.BKG }, func(q euclid.Quadrant) euclid.Segment { return q.BKG }},
		{survey.PlaneWGT, 0, []string{"", ".WGT", ".SCI"}, func(e euclid.Exposure) euclid.File { return e.WGT }, func(q euclid.Quadrant) euclid.Segment { return q.WGT }},
		{survey.PlanePSF, 0, []string{""}, func(e euclid.Exposure) euclid.File { return e.PSF }, func(q euclid.Quadrant) euclid.Segment { return q.PSF }},
	}
}

// plan decides which quadrants each sub-tile needs, and so which HDUs go where.
func (job Job) plan() (*plan, error) {
	p := &plan{byURI: map[string]*transfer{}}
	catalogs := inURIOrder(slices.Concat(job.Catalogs, job.Neighbours))
	for _, s := range job.SubTiles {
		p.directories = append(p.directories, &directory{
			sub: s, uri: objstore.Join(job.Dir, s.Name()), inputs: slices.Clone(catalogs),
		})
	}
	exposures := make(map[euclid.ExposureID]euclid.Exposure, len(job.Exposures))
	for _, e := range job.Exposures {
		exposures[e.ExposureID] = e
	}
	left := map[survey.LeftOut]bool{}
	bare := map[euclid.ExposureID]bool{}
	for _, q := range inOrder(job.Quadrants) {
		var needed []*directory
		for _, d := range p.directories {
			if d.sub.Overlaps(q.Outline) {
				needed = append(needed, d)
			}
		}
		if len(needed) == 0 {
			continue
		}
		e, ok := exposures[q.Exposure]
		if !ok {
			return nil, fault.Input("ExposureUnknown", "quadrant %s belongs to exposure %s, which is not in the index", q.Name, q.Exposure).
				Fix("index observations and read footprints again")
		}
		if l := lacking(e, q); l != nil {
			left[*l] = true
			continue
		}
		if !e.WGT.Exists() || q.WGT.Length == 0 {
			bare[e.ExposureID] = true
		}
		if err := p.add(use{q, e}, needed); err != nil {
			return nil, err
		}
	}
	for _, d := range p.directories {
		d.measure()
	}
	for l := range left {
		p.leftOut = append(p.leftOut, l)
	}
	slices.SortFunc(p.leftOut, func(a, b survey.LeftOut) int {
		return cmp.Or(byExposure(a.Exposure, b.Exposure), strings.Compare(a.Quadrant, b.Quadrant))
	})
	for e := range bare {
		p.withoutWGT = append(p.withoutWGT, e)
	}
	slices.SortFunc(p.withoutWGT, byExposure)
	return p, p.finish()
}

// inOrder sorts quadrants by exposure and by their order in the file, each once.
func inOrder(qs []euclid.Quadrant) []euclid.Quadrant {
	qs = slices.Clone(qs)
	slices.SortFunc(qs, func(a, b euclid.Quadrant) int {
		return cmp.Or(byExposure(a.Exposure, b.Exposure), cmp.Compare(a.SCI.Offset, b.SCI.Offset), strings.Compare(a.Name, b.Name))
	})
	return slices.CompactFunc(qs, func(a, b euclid.Quadrant) bool { return a.Exposure == b.Exposure && a.Name == b.Name })
}

func byExposure(a, b euclid.ExposureID) int { return a.Compare(b) }

// lacking says why a quadrant can't be used, or nil where it can.
func lacking(e euclid.Exposure, q euclid.Quadrant) *survey.LeftOut {
	switch {
	case !e.BKG.Exists():
		return &survey.LeftOut{Exposure: e.ExposureID, Reason: "no BKG file"}
	case !e.PSF.Exists():
		return &survey.LeftOut{Exposure: e.ExposureID, Reason: "no PSF file"}
	case q.BKG.Length == 0:
		return &survey.LeftOut{Exposure: e.ExposureID, Quadrant: q.Name, Reason: "its BKG file lacks it"}
	case q.PSF.Length == 0:
		return &survey.LeftOut{Exposure: e.ExposureID, Quadrant: q.Name, Reason: "its PSF file lacks it"}
	}
	return nil
}

// add has a quadrant's HDUs copied to some sub-tiles.
func (p *plan) add(u use, to []*directory) error {
	for _, d := range to {
		d.quadrants = append(d.quadrants, u)
	}
	for _, part := range parts() {
		file, segment := part.file(u.files), part.segment(u.Quadrant)
		if part.product == "wgt" && (!file.Exists() || segment.Length == 0) {
			continue
		}
		names := make([]string, len(part.suffixes))
		for i, s := range part.suffixes {
			names[i] = u.Name + s
		}
		if segment.Offset <= 0 || segment.Length <= 0 || segment.Length > fits.Pad(file.Size)-segment.Offset {
			return staleError("bytes %d to %d of HDU %s are not in a file of %d bytes",
				segment.Offset, segment.Offset+segment.Length, names[0], file.Size).On(file.URI)
		}
		files := []euclid.File{file}
		if part.product == survey.PlaneSCI && u.files.Split() {
			files = []euclid.File{u.files.DET, u.files.RMS, u.files.FLG}
		}
		t := p.transfer(files, fmt.Sprintf("%s of exposure %s", strings.ToUpper(part.product), u.Exposure))
		if !slices.Contains(t.users, u.Exposure) {
			t.users = append(t.users, u.Exposure)
		}
		made := piece{Segment: segment, file: file, names: names}
		if len(files) > 1 {
			made.names, made.renamed = append(names, u.Name), true
			made.after, made.plane = u.SCI.Offset, part.plane
		}
		piece, err := t.piece(made)
		if err != nil {
			return err
		}
		piece.fixed = part.suffixes[0] == ".SCI"
		for _, d := range to {
			piece.to = append(piece.to, t.product(d, u.Exposure, survey.PlaneFile(u.Exposure, part.product)))
		}
	}
	return nil
}

func (p *plan) transfer(files []euclid.File, purpose string) *transfer {
	t, ok := p.byURI[files[0].URI]
	if !ok {
		t = &transfer{file: files[0], files: files, purpose: purpose, byPath: map[string]*product{}, byPlace: map[place]*piece{}}
		p.byURI[files[0].URI] = t
		p.transfers = append(p.transfers, t)
	}
	return t
}

// piece is the HDU at a place. Several exposures may need it: they share PSF files.
func (t *transfer) piece(p piece) (*piece, error) {
	at := place{p.file.URI, p.Offset}
	have, ok := t.byPlace[at]
	if !ok {
		have = &p
		t.byPlace[at] = have
		t.pieces = append(t.pieces, have)
	} else if have.Segment != p.Segment || !slices.Equal(have.names, p.names) {
		return nil, staleError("HDUs %s of %d bytes and %s of %d bytes are both said to start at byte %d",
			have.names[0], have.Length, p.names[0], p.Length, p.Offset).On(p.file.URI)
	}
	return have, nil
}

func (t *transfer) product(d *directory, of euclid.ExposureID, path string) *product {
	uri := objstore.Join(d.uri, path)
	pr, ok := t.byPath[uri]
	if !ok {
		pr = newProduct(uri, path)
		pr.of, pr.sources = of, t.files
		t.byPath[uri] = pr
		t.products = append(t.products, pr)
		d.products = append(d.products, pr)
		for _, f := range t.files {
			if !slices.Contains(d.inputs, f) {
				d.inputs = append(d.inputs, f)
			}
		}
	}
	return pr
}

func (p *plan) finish() error {
	for _, t := range p.transfers {
		if err := t.sort(); err != nil {
			return err
		}
	}
	return nil
}

// sort brings pieces into the order of the file, those of three files into that of
// the first with the others' behind, and refuses overlaps.
func (t *transfer) sort() error {
	for _, f := range t.files {
		own := slices.DeleteFunc(slices.Clone(t.pieces), func(p *piece) bool { return p.file.URI != f.URI })
		slices.SortFunc(own, func(a, b *piece) int { return cmp.Compare(a.Offset, b.Offset) })
		for i := 1; i < len(own); i++ {
			if a, b := own[i-1], own[i]; a.Offset+a.Length > b.Offset {
				return staleError("HDUs %s and %s are said to overlap", a.names[0], b.names[0]).On(f.URI)
			}
		}
	}
	slices.SortFunc(t.pieces, func(a, b *piece) int {
		return cmp.Or(cmp.Compare(a.after, b.after), cmp.Compare(a.plane, b.plane), cmp.Compare(a.Offset, b.Offset))
	})
	return nil
}

// exposures are the exposures of a sub-tile, in order.
func (d *directory) exposures() []euclid.ExposureID {
	var ids []euclid.ExposureID
	for _, u := range d.quadrants {
		if n := len(ids); n == 0 || ids[n-1] != u.Exposure {
			ids = append(ids, u.Exposure)
		}
	}
	return ids
}

const codeStale = "IndexStale"

// staleError is that of an index that doesn't describe a file.
func staleError(format string, a ...any) *fault.Error {
	return fault.Data(codeStale, format, a...).
		Fix("the index is stale or the file is damaged: read footprints again, check the delivery")
}
