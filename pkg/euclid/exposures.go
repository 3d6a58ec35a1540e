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
}

// delivery is a file with the time in its name.
type delivery struct {
	File
	timestamp string
}

// supersedes says whether d was delivered after o. Copies with the same time
// are told apart by URI, so that the choice doesn't depend on the listing.
func (d delivery) supersedes(o delivery) bool {
	return cmp.Or(strings.Compare(d.timestamp, o.timestamp), strings.Compare(d.URI, o.URI)) > 0
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
		seen int
	)
	err := l.List(ctx, directory(visBase), func(info objstore.Info) error {
		if strings.HasSuffix(info.URI, "/") {
			return nil // a console's directory marker
		}
		seen++
		dir, base := split(info.URI)
		n, ok := ParseVISName(base)
		d := delivery{fileOf(info), n.Timestamp}
		switch {
		case !ok:
			o.unknown(base, "")
		case n.Part != "":
			o.unknown(base, "DET split into sci, rms and flg is not supported")
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
	o.group(vis.files, psf.files, policy)
	o.Superseded = append(vis.superseded, psf.superseded...)
	slices.Sort(o.Superseded)
	if len(o.Exposures) == 0 {
		return nil, o.none(visBase, policy, seen)
	}
	return &o, nil
}

// group makes exposures of the wanted numbers out of their files.
func (o *Observations) group(vis map[visKey]delivery, psf map[string]delivery, policy settings.Exposures) {
	ids := map[ExposureID]bool{}
	for k := range vis {
		ids[k.ExposureID] = true
	}
	for _, id := range slices.SortedFunc(maps.Keys(ids), ExposureID.Compare) {
		det, ok := vis[visKey{id, DET}]
		switch {
		case id.Number == "2" && policy == settings.Nominal:
			o.SkippedShort++
			continue
		case id.Number == "1" && policy == settings.Short:
			o.SkippedNominal++
			continue
		case !ok:
			o.Incomplete = append(o.Incomplete, Missing{id, DET})
			continue
		}
		dir, _ := split(det.URI)
		e := Exposure{
			ExposureID: id,
			DET:        det.File,
			BKG:        vis[visKey{id, BKG}].File,
			WGT:        vis[visKey{id, WGT}].File,
			PSF:        psf[dir].File,
		}
		for _, p := range []struct {
			file    File
			product string
		}{{e.BKG, BKG}, {e.WGT, WGT}, {e.PSF, PSF}} {
			if !p.file.Exists() {
				o.Incomplete = append(o.Incomplete, Missing{id, p.product})
			}
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
		if len(o.UnknownExamples) > 0 {
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
