package euclid

import (
	"cmp"
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
	// Leftover counts files that are named like a product but for what follows
	// .fits, such as .part or ~, so that nobody reads them; a few are named with
	// the product that they look like.
	Leftover         int      `json:"leftover,omitempty"`
	LeftoverExamples []string `json:"leftover_examples,omitempty"`
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

// delivery is a file with the time and the form in its name.
type delivery struct {
	File
	timestamp, form string
}

// supersedes says whether d was delivered after o, by the time in its name. Of
// copies with the same time the one that is not compressed counts, else the one
// with the last URI, so that the choice doesn't depend on the listing.
func (d delivery) supersedes(o delivery) bool {
	return cmp.Or(strings.Compare(d.timestamp, o.timestamp), strings.Compare(o.form, d.form), strings.Compare(d.URI, o.URI)) > 0
}

// newest keeps the newest delivery of each key, and the URIs of the others.
type newest[K comparable] struct {
	files      map[K]delivery
	superseded []string
}

func (n *newest[K]) add(key K, d delivery) {
	if n.files == nil {
		n.files = map[K]delivery{}
	}
	old, ok := n.files[key]
	switch {
	case !ok:
	case d.supersedes(old):
		n.superseded = append(n.superseded, old.URI)
	default:
		n.superseded = append(n.superseded, d.URI)
		return
	}
	n.files[key] = d
}

type visKey struct {
	ExposureID
	product string
}

// IndexExposures lists visBase and groups its files into exposures. The
// listing is read page by page; what is kept grows with the exposures (about
// 1 kB each), not with other files. DET, BKG and WGT belong together by
// exposure id; a PSF belongs to all exposures whose DET lies in its directory.
//
// A listing without any wanted exposure is bad input, code NoObservations.
func IndexExposures(ctx context.Context, l objstore.Lister, visBase string, policy settings.Exposures) (*Observations, error) {
	if !settings.Known(policy) {
		return nil, fault.Input("ConfigInvalid", "exposures is %q", policy).Fix("use %s", settings.Choices[settings.Exposures]())
	}
	var (
		o    Observations
		vis  newest[visKey]
		psf  newest[string] // by directory
		lost lost
		bare = map[string]string{} // by directory: a PSF that can't be read as it is
		left tally
		seen int
	)
	err := objstore.ListNames(ctx, l, directory(visBase), func(info objstore.Info) error {
		if strings.HasSuffix(info.URI, "/") {
			return nil // a console's directory marker
		}
		seen++
		dir, base := split(info.URI)
		stem, form, ok := cutForm(base)
		var n Name
		if ok {
			n, ok = parseVIS(stem)
		}
		d := delivery{fileOf(info), n.Timestamp, form}
		switch {
		case !ok:
			o.unknown(base, "")
		case !isDelivery(form):
			left.add(n.leftover(base))
			lost.add(n, unread(base, form))
			if what := unread(base, form); n.Product == PSF && (bare[dir] == "" || what < bare[dir]) {
				bare[dir] = what
			}
		case n.Part != "":
			o.unknown(base, splitDET)
			lost.add(n, fmt.Sprintf("%q: %s", base, splitDET))
		case n.Product == PSF:
			psf.add(dir, d)
		case n.Number != "1" && n.Number != "2":
			o.unknown(base, "exposure number is neither 1 (nominal) nor 2 (short)")
		default:
			vis.add(visKey{n.Exposure(), n.Product}, d)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list VIS files: %w", err)
	}
	o.Leftover, o.LeftoverExamples = left.n, left.examples
	o.group(vis.files, psf.files, lost, bare, policy)
	if err := o.complete(ctx, l); err != nil {
		return nil, err
	}
	o.Superseded = append(vis.superseded, psf.superseded...)
	slices.Sort(o.Superseded)
	if len(o.Exposures) == 0 {
		return nil, o.none(visBase, policy, seen)
	}
	return &o, nil
}

const splitDET = "DET split into sci, rms and flg is not supported"

// leftover names a file that nobody reads, by the product that it looks like.
func (n Name) leftover(base string) string {
	if n.Product == PSF {
		return fmt.Sprintf("%q, like a PSF", base)
	}
	return fmt.Sprintf("%q, like %s of %s", base, n.Product, n.Exposure())
}

// lost is what there is of products in files that are none: for each product
// the first of them by name.
type lost map[visKey]string

func (l *lost) add(n Name, what string) {
	if n.Product == PSF || n.Number != "1" && n.Number != "2" {
		return
	}
	if *l == nil {
		*l = lost{}
	}
	key := visKey{n.Exposure(), n.Product}
	if old, ok := (*l)[key]; !ok || what < old {
		(*l)[key] = what
	}
}

// group makes exposures of the wanted numbers out of their files.
func (o *Observations) group(vis map[visKey]delivery, psf map[string]delivery, lost lost, bare map[string]string, policy settings.Exposures) {
	ids := map[ExposureID]bool{}
	for k := range vis {
		ids[k.ExposureID] = true
	}
	for k := range lost {
		ids[k.ExposureID] = true
	}
	for _, id := range slices.SortedFunc(maps.Keys(ids), ExposureID.Compare) {
		switch {
		case id.Number == "2" && policy == settings.Nominal:
			o.SkippedShort++
			continue
		case id.Number == "1" && policy == settings.Short:
			o.SkippedNominal++
			continue
		}
		// of is the exposure's file of a product; one that can't be read as it is, is lacking.
		of := func(product string, required bool) File {
			d, ok := vis[visKey{id, product}]
			there := lost[visKey{id, product}]
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
		det := of(DET, true)
		whole := det.Exists()
		e := Exposure{ExposureID: id, DET: det, BKG: of(BKG, whole), WGT: of(WGT, whole)}
		if !whole {
			continue
		}
		dir, _ := split(det.URI)
		switch d, ok := psf[dir]; {
		case ok && (d.form == plain || d.form == gzipped):
			e.PSF = d.File
		case ok:
			o.Incomplete = append(o.Incomplete, Missing{id, PSF, packed(d.URI, d.form)})
		default:
			o.Incomplete = append(o.Incomplete, Missing{id, PSF, cmp.Or(bare[dir], "there is none beside its DET, in "+dir)})
		}
		o.Exposures = append(o.Exposures, e)
	}
}

func (o *Observations) unknown(base, why string) {
	o.Unknown++
	if len(o.UnknownExamples) < maxExamples {
		if why != "" {
			base += " (" + why + ")"
		}
		o.UnknownExamples = append(o.UnknownExamples, base)
	}
}

// none explains why a listing gave no exposure.
func (o *Observations) none(visBase string, policy settings.Exposures, seen int) error {
	switch skipped := o.SkippedShort + o.SkippedNominal; {
	case seen == 0:
		return fault.Input("NoObservations", "no files").On(visBase).
			Fix("check data.vis_base_uri, data.s3_region and data.s3_endpoint_url")
	case skipped > 0:
		return fault.Input("NoObservations", "no %s exposures among %d files, but %d others", policy, seen, skipped).
			On(visBase).Fix("set data.exposures to what there is")
	default:
		err := fault.Input("NoObservations", "no DET exposures among %d files", seen).On(visBase).
			Fix("data.vis_base_uri must hold EUC_VIS_SWL-DET-*.fits files, at any depth")
		if len(o.Incomplete) > 0 {
			err.Err = fmt.Errorf("%w; %s", err.Err, o.Incomplete[0])
		} else if len(o.UnknownExamples) > 0 {
			err.Err = fmt.Errorf("%w; %d names not understood, e.g. %s", err.Err, o.Unknown, o.UnknownExamples[0])
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
