package euclid

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// readSCI reads the headers of the file that SCI is in: of a combined one those of
// SCI, and where the others lie.
func (e Exposure) readSCI(ctx context.Context, r objstore.Reader) ([]*fits.HDU, error) {
	if !e.Split() {
		return readIndex(ctx, r, e.DET, func(name string) bool { return strings.HasSuffix(name, ".SCI") })
	}
	return readAll(ctx, r, e.DET, PartSCI)
}

// readAll reads all headers of a plane's own file.
func readAll(ctx context.Context, r objstore.Reader, f File, part string) ([]*fits.HDU, error) {
	hdus, err := readIndex(ctx, r, f, nil)
	if err != nil {
		return nil, err
	}
	return ofPlane(f.URI, hdus, part)
}

// complete refuses an exposure of which not all planes are there.
func (e Exposure) complete() error {
	if e.Split() && (!e.RMS.Exists() || !e.FLG.Exists()) {
		return fault.Input("ExposureIncomplete", "of DET in three files, not all are there").On(e.DET.URI).
			Fix("give the files of SCI, RMS and FLG, or the combined one")
	}
	return nil
}

// readPlane finds the HDUs of a plane's own file, the primary one first, and holds
// that to the exposure.
func (e Exposure) readPlane(ctx context.Context, r objstore.Reader, part string, order <-chan []string) ([]*fits.HDU, error) {
	f := e.Plane(part)
	var primary *fits.HDU
	hdus := sampled(ctx, readerAt(ctx, r, f), f.Size, []string{"." + strings.ToUpper(part), ""}, samplesOfSix, order, &primary)
	var err error
	if hdus != nil {
		hdus, err = ofPlane(f.URI, slices.Insert(hdus, 0, primary), part)
	} else {
		hdus, err = readAll(ctx, r, f, part)
	}
	if err != nil {
		return nil, err
	}
	return hdus, e.hold(f.URI, hdus[0])
}

// ofPlane gives HDUs that are called after a quadrant alone the plane of their
// file, as 3-4.F.SCI, and refuses those of other planes.
func ofPlane(uri string, hdus []*fits.HDU, part string) ([]*fits.HDU, error) {
	all := slices.Clone(hdus)
	plane := strings.ToUpper(part)
	for i, h := range hdus {
		base, said, suffixed := h.Name, "", false
		if n := len("3-4.F"); len(h.Name) > n && h.Name[n] == '.' {
			base, said, suffixed = h.Name[:n], h.Name[n+1:], true
		}
		if i == 0 || !quadrantName(base) {
			continue
		}
		if suffixed && said != plane && slices.Contains(detParts[:], strings.ToLower(said)) {
			return nil, otherPlane(uri, h, plane, "it is %s", said)
		}
		if !suffixed {
			named := *h
			named.Name = base + "." + plane
			all[i] = &named
		}
		if bitpix, err := bitpixOf(h); err != nil {
			return nil, locate(err, uri, h)
		} else if bitpix != 0 && (bitpix > 0) != (part == PartFLG) {
			return nil, otherPlane(uri, h, plane, "BITPIX is %d", bitpix)
		}
	}
	return all, nil
}

// bitpixOf is 0 where it is not known.
func bitpixOf(h *fits.HDU) (int64, error) {
	if h.Header == nil || h.Kind != "IMAGE" {
		return 0, nil
	}
	return h.Header.Int("BITPIX")
}

func otherPlane(uri string, h *fits.HDU, plane, format string, a ...any) error {
	return fault.Data("PlaneContradiction", "%s, %s says %s", fmt.Sprintf(format, a...), saidBy(uri), plane).On(uri).At("%s", h).
		Fix("the file holds another plane than it is called after: put the right file in its place, or take it away")
}

// byName are the HDUs of DET by EXTNAME, from however many files.
func (e Exposure) byName(det, rms, flg []*fits.HDU) (map[string]*fits.HDU, error) {
	all := map[string]*fits.HDU{}
	files := []struct {
		uri  string
		hdus []*fits.HDU
	}{{e.DET.URI, det}, {e.RMS.URI, rms}, {e.FLG.URI, flg}}
	for _, f := range files {
		names, err := UniqueNames(f.uri, f.hdus)
		if err != nil {
			return nil, err
		}
		for name, h := range names {
			if all[name] == nil {
				all[name] = h
			}
		}
	}
	for _, f := range files {
		if len(f.hdus) > 0 {
			if err := noOrphans(f.uri, f.hdus[1:], all); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// noOrphans refuses HDUs of DET that can be a quadrant's, of which nobody can say
// which: else the quadrant would be missing, and nothing would say so.
func noOrphans(uri string, hdus []*fits.HDU, byName map[string]*fits.HDU) error {
	for _, h := range hdus {
		base, suffix := h.Name, ""
		if i := strings.LastIndexByte(h.Name, '.'); i >= 0 {
			base, suffix = h.Name[:i], strings.ToUpper(strings.TrimSpace(h.Name[i:]))
		}
		part := suffix == ".SCI" || suffix == ".RMS" || suffix == ".FLG"
		var what string
		switch {
		case h.Name == "" && h.Kind == "IMAGE" && h.DataSize > 0:
			what = "an image without EXTNAME"
		case part && !(quadrantName(base) && strings.HasSuffix(h.Name, suffix)):
			what = fmt.Sprintf("EXTNAME %q is none of a quadrant", h.Name)
		case part && byName[base+".SCI"] == nil:
			what = fmt.Sprintf("no HDU %s.SCI goes with it", base)
		default:
			continue
		}
		return fault.Data("MissingHDU", "%s: quadrants are called {row}-{col}.{E,F,G,H}.{SCI,RMS,FLG}", what).On(uri).At("%s", h).
			Fix("a quadrant would be missing: compare the file with the archive's; if it is the same, %s", askAuthor)
	}
	return nil
}

// ReadOutlines returns an exposure's quadrants by what their SCI says of them: exposure
// time and outline. It reads the file of SCI alone, be it a combined DET or one of three.
func ReadOutlines(ctx context.Context, r objstore.Reader, e Exposure) ([]Quadrant, error) {
	hdus, err := e.readSCI(ctx, r)
	if err == nil {
		err = e.hold(e.DET.URI, hdus[0])
	}
	if err != nil {
		return nil, err
	}
	if _, err := UniqueNames(e.DET.URI, hdus); err != nil {
		return nil, err
	}
	var found []Quadrant
	for _, sci := range hdus {
		base, ok := strings.CutSuffix(sci.Name, ".SCI")
		if !ok || !quadrantName(base) || sci.DataSize == 0 {
			continue
		}
		q := Quadrant{Exposure: e.ExposureID, Name: base, SCI: segment(sci)}
		if q.ExpTime, err = e.exposureTime(sci, hdus[0]); err == nil {
			q.Outline, err = outline(sci.Header)
		}
		if err != nil {
			return nil, locate(err, e.DET.URI, sci)
		}
		found = append(found, q)
	}
	if len(found) == 0 {
		return nil, e.noQuadrants(hdus)
	}
	slices.SortFunc(found, func(a, b Quadrant) int { return strings.Compare(a.Name, b.Name) })
	return found, nil
}
