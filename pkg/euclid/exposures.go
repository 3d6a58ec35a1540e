package euclid

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
)

// maxExamples bounds how many unknown names are kept as examples.
const maxExamples = 5

// Observations is what a VIS listing holds.
type Observations struct {
	// Exposures, sorted by id: those with a DET and of the wanted number.
	Exposures []Exposure `json:"exposures"`
	// Unknown counts files whose names are not understood, and those that are
	// understood but not supported; a few are named with the reason.
	Unknown         int      `json:"unknown"`
	UnknownExamples []string `json:"unknown_examples,omitempty"`
	// Near counts files whose names are a VIS product's but for one field or for
	// the case of letters; a few are named with what is wrong.
	Near         int      `json:"near,omitempty"`
	NearExamples []string `json:"near_examples,omitempty"`
	// Leftover counts files that are named like a product but for what follows
	// .fits, such as .part or ~, so that nobody reads them; a few are named with
	// the product that they look like.
	Leftover         int      `json:"leftover,omitempty"`
	LeftoverExamples []string `json:"leftover_examples,omitempty"`
	// Both counts exposures whose DET lies there combined and in three files, and is
	// taken once; Stray counts the files of a DET in three that lack the others of
	// their time, where another delivery is taken; a few are named.
	Both          int      `json:"both,omitempty"`
	Stray         int      `json:"stray,omitempty"`
	StrayExamples []string `json:"stray_examples,omitempty"`
	// Superseded are the files of which there is a newer delivery.
	Superseded []string `json:"superseded,omitempty"`
	// Incomplete says what wanted exposures lack: BKG, WGT or PSF of those in
	// Exposures; DET of those that have other files only, and so are not.
	Incomplete []Missing `json:"incomplete,omitempty"`
	// SkippedShort and SkippedNominal count exposures of the number not wanted.
	SkippedShort   int `json:"skipped_short"`
	SkippedNominal int `json:"skipped_nominal"`
}

// Missing is a product that an exposure lacks.
type Missing struct {
	Exposure ExposureID `json:"exposure"`
	Product  string     `json:"product"`
	There    string     `json:"there,omitempty"` // what is there in its stead, and what to do
}

// String is e.g. "002682_00_1 lacks DET: "X.fits.gz" is compressed: gunzip it".
func (m Missing) String() string {
	s := m.Exposure.String() + " lacks " + m.Product
	if m.There != "" {
		s += ": " + m.There
	}
	return s
}

type visKey struct {
	ExposureID
	product string
}

// IndexExposures lists visBase and groups its files into exposures. The
// listing is read page by page; what is kept grows with the exposures (about
// 1 kB each), not with other files. DET, BKG and WGT belong together by exposure
// id, in whatever directories they lie; a PSF belongs to the exposures whose DET
// lies in its directory, or if its name has an observation, to those of that.
//
// A listing without any wanted exposure is bad input, code NoObservations.
func IndexExposures(ctx context.Context, l objstore.Lister, visBase string, policy settings.Exposures) (*Observations, error) {
	if !settings.Known(policy) {
		return nil, fault.Input("ConfigInvalid", "exposures is %q", policy).Fix("use %s", settings.Choices[settings.Exposures]())
	}
	v, err := listVIS(ctx, l, visBase)
	if err != nil {
		return nil, err
	}
	o := v.observations(policy)
	if err := o.complete(ctx, l); err != nil {
		return nil, err
	}
	if len(o.Exposures) == 0 {
		return nil, o.none(visBase, policy, v.seen)
	}
	return o, nil
}

// listVIS lists the files of VIS.
func listVIS(ctx context.Context, l objstore.Lister, visBase string) (*visListing, error) {
	v := visListing{det: map[ExposureID][]detSet{}, lost: lost{}, bare: map[psfKey]string{}}
	_, v.named = l.(NamedLister)
	err := listFiles(ctx, l, directory(visBase), v.takeNamed, func(info objstore.Info) error {
		if !strings.HasSuffix(info.URI, "/") { // a console's directory marker
			v.seen++
			v.take(info)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list VIS files: %w", err)
	}
	return &v, nil
}

// visListing is what a listing of VIS holds, as it comes.
type visListing struct {
	det  map[ExposureID][]detSet
	vis  newest[visKey] // BKG and WGT
	psf  newest[psfKey]
	lost lost
	bare map[psfKey]string // PSFs that can't be read as they are

	unknown, near, left, stray tally

	superseded []string // DETs
	seen       int
	named      bool                // by more than the files' names: directories say nothing
	psfDirs    map[string][]psfKey // once they are wanted
}

// psfKey is which exposures a PSF belongs to: those whose DET lies in its
// directory, or if its name has an observation, those of that alone.
type psfKey struct{ dir, obs string }

// takeNamed sorts in a file of which somebody says what it is.
func (v *visListing) takeNamed(e Entry) error {
	if e.Name.Maker != MadeByVIS {
		return nil
	}
	v.seen++
	n, psf := e.Name, psfKey{"", e.Name.Obs}
	d := delivery{e.file(), n.Release, n.Timestamp, e.form()}
	if strings.EqualFold(d.form, ".fits") {
		d.form = plain // whoever lists it knows what it is
	}
	_, base := split(e.URI)
	switch {
	case !isDelivery(d.form) && n.Product == PSF:
		v.bare[psf] = unread(base, d.form)
	case !isDelivery(d.form):
		v.lost.add(n, unread(base, d.form))
	case n.Product == PSF && n.Dither == "":
		v.psf.add(psf, d)
	case n.Product == DET:
		v.addDET(n, d)
	default:
		v.vis.add(visKey{n.Exposure(), n.Product}, d)
	}
	return nil
}

// take sorts in one file by its name.
func (v *visListing) take(info objstore.Info) {
	dir, base := split(info.URI)
	stem, form, ok := cutForm(base)
	var n Name
	if ok {
		if n, ok = parseStem(stem); !ok {
			if why, of := nearMiss(stem); why != "" {
				why = fmt.Sprintf("%q: %s", base, why)
				v.near.add(why)
				if of.Maker == MadeByVIS && of.Obs != "" && of.Dither != "" && of.Number != "" {
					v.lost.add(of, why)
				}
				return
			}
		}
	}
	d := delivery{fileOf(info), n.Release, n.Timestamp, form}
	switch psf := (psfKey{dir, n.Obs}); {
	case !ok || n.Maker != MadeByVIS:
		v.unknown.add(base)
	case !isDelivery(form):
		v.left.add(n.leftover(base))
		v.lost.add(n, unread(base, form))
		if what := unread(base, form); n.Product == PSF && (v.bare[psf] == "" || what < v.bare[psf]) {
			v.bare[psf] = what
		}
	case n.Product == PSF:
		v.psf.add(psf, d)
	case n.Product == DET:
		v.addDET(n, d)
	default:
		v.vis.add(visKey{n.Exposure(), n.Product}, d)
	}
}

// observations are what the files make together.
func (v *visListing) observations(policy settings.Exposures) *Observations {
	o := &Observations{
		Unknown: v.unknown.n, UnknownExamples: v.unknown.examples, Near: v.near.n, NearExamples: v.near.examples,
		Leftover: v.left.n, LeftoverExamples: v.left.examples,
	}
	o.group(v, policy)
	o.Stray, o.StrayExamples = v.stray.n, v.stray.examples
	o.Superseded = slices.Concat(v.superseded, v.vis.superseded, v.psf.superseded)
	slices.Sort(o.Superseded)
	return o
}

// leftover names a file that nobody reads, by the product that it looks like.
func (n Name) leftover(base string) string {
	if n.Product == PSF {
		return fmt.Sprintf("%q, like a PSF", base)
	}
	return fmt.Sprintf("%q, like %s of %s", base, strings.TrimSpace(n.Product+" "+n.Part), n.Exposure())
}

// lost is what there is of products in files that are none: for each product
// the first of them by name.
type lost map[visKey]string

func (l lost) add(n Name, what string) {
	if n.Product == PSF {
		return
	}
	key := visKey{n.Exposure(), n.Product}
	if old, ok := l[key]; !ok || what < old {
		l[key] = what
	}
}

// group makes exposures of the wanted numbers out of their files.
func (o *Observations) group(v *visListing, policy settings.Exposures) {
	ids := map[ExposureID]bool{}
	listed := map[string]bool{} // observations
	for id := range v.det {
		ids[id], listed[id.Obs] = true, true
	}
	for k := range v.vis.files {
		ids[k.ExposureID], listed[k.Obs] = true, true
	}
	for k := range v.lost {
		ids[k.ExposureID], listed[k.Obs] = true, true
	}
	for _, id := range slices.SortedFunc(maps.Keys(ids), ExposureID.Compare) {
		e, there := v.detOf(o, id)
		switch {
		case id.Number == "2" && policy == settings.Nominal:
			o.SkippedShort++
			continue
		case id.Number == "1" && policy == settings.Short:
			o.SkippedNominal++
			continue
		}
		whole := e.DET.Exists()
		if !whole {
			o.Incomplete = append(o.Incomplete, Missing{id, DET, there})
		}
		e.BKG, e.WGT = o.fileOf(v, id, BKG, whole), o.fileOf(v, id, WGT, whole)
		if !whole {
			continue
		}
		dir, _ := split(e.DET.URI)
		if v.named {
			dir = ""
		}
		if e.PSF, there = v.psfOf(dir, id, listed); !e.PSF.Exists() {
			o.Incomplete = append(o.Incomplete, Missing{id, PSF, there})
		}
		o.Exposures = append(o.Exposures, e)
	}
}

// fileOf is an exposure's file of a product; one that can't be read as it is, is
// lacking, and so is one that is required and isn't there.
func (o *Observations) fileOf(v *visListing, id ExposureID, product string, required bool) File {
	d, ok := v.vis.files[visKey{id, product}]
	there := v.lost[visKey{id, product}]
	switch {
	case ok && d.form == plain:
		return d.File
	case ok:
		there = packed(d.URI, d.form)
	case !required && there == "":
		return File{}
	}
	o.Incomplete = append(o.Incomplete, Missing{id, product, there})
	return File{}
}

// none explains why a listing gave no exposure.
func (o *Observations) none(visBase string, policy settings.Exposures, seen int) error {
	switch skipped := o.SkippedShort + o.SkippedNominal; {
	case seen == 0:
		f := fault.Input("NoObservations", "no files").On(visBase).Fix("check data.vis_base_uri")
		if strings.HasPrefix(visBase, "s3://") {
			f.Fix("check data.vis_base_uri, data.s3_region and data.s3_endpoint_url")
		}
		return f
	case skipped > 0 && len(o.Incomplete) == 0:
		return fault.Input("NoObservations", "no %s exposures among %d files, but %d others", policy, seen, skipped).
			On(visBase).Fix("set data.exposures to what there is")
	default:
		err := fault.Input("NoObservations", "no DET exposures among %d files", seen).On(visBase).
			Fix("data.vis_base_uri must hold EUC_VIS_SWL-DET-*.fits files, at any depth")
		if len(o.Incomplete) > 0 {
			err.Err = fmt.Errorf("%w; %s", err.Err, o.Incomplete[0])
		} else if len(o.NearExamples) > 0 {
			err.Err = fmt.Errorf("%w; %d names are almost those of products, e.g. %s", err.Err, o.Near, o.NearExamples[0])
		} else if len(o.UnknownExamples) > 0 {
			err.Err = fmt.Errorf("%w; %d names not understood, e.g. %q", err.Err, o.Unknown, o.UnknownExamples[0])
		}
		return err
	}
}

func fileOf(i objstore.Info) File { return File{URI: i.URI, Size: i.Size, ETag: i.ETag} }

// directory ends base with one slash, so that VIS/ doesn't list VIS-old/.
func directory(base string) string { return strings.TrimRight(base, "/") + "/" }

// split cuts a URI into its directory and its last element.
func split(uri string) (dir, base string) {
	i := strings.LastIndexByte(uri, '/') + 1
	return uri[:i], uri[i:]
}
