package euclid

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// complete asks for size and ETag of files that a listing gave by name alone, as
// those of web servers and some file lists do: of what counts, not of all that is
// listed. It says why files can't be had after all: they were removed since, are
// not for everybody, or are other files than the list says.
func complete(ctx context.Context, l objstore.Lister, files []*File) (gone map[*File]string, err error) {
	r, reads := l.(objstore.Reader)
	of := map[string][]*File{} // a PSF belongs to many exposures
	var uris []string
	for _, f := range files {
		if !reads || !f.Exists() || f.ETag != "" && f.Size > 0 {
			continue
		}
		if of[f.URI] == nil {
			uris = append(uris, f.URI)
		}
		of[f.URI] = append(of[f.URI], f)
	}
	infos, whys := make([]objstore.Info, len(uris)), make([]string, len(uris))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(tileReads)
	for i, uri := range uris {
		g.Go(func() (err error) {
			infos[i], err = r.Stat(gctx, uri)
			if code := fault.CodeOf(err); code == objstore.NotFound || code == objstore.AccessDenied {
				_, base := split(uri)
				whys[i], err = fmt.Sprintf("%q is listed, and can't be had: %s", base, cause(err)), nil
			} else if err == nil {
				whys[i] = of[uri][0].otherwise(infos[i])
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("ask for the sizes of what is listed: %w", err)
	}
	gone = map[*File]string{}
	for i, uri := range uris {
		for _, f := range of[uri] {
			if whys[i] != "" {
				gone[f], *f = whys[i], File{}
				continue
			}
			f.Size, f.ETag = infos[i].Size, infos[i].ETag
		}
	}
	return gone, nil
}

// otherwise says in what an object is another than a list says.
func (f *File) otherwise(is objstore.Info) string {
	_, base := split(f.URI)
	switch {
	case f.Size > 0 && f.Size != is.Size:
		return fmt.Sprintf("%q has %d bytes, the file list says %d", base, is.Size, f.Size)
	case f.ETag != "" && f.ETag != is.ETag:
		return fmt.Sprintf("%q has the entity tag %q, the file list says %q", base, is.ETag, f.ETag)
	}
	return ""
}

// cause is what went wrong, without the object.
func cause(err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Err
	}
	return err
}

// product is one of an exposure's files, by what it is called where it lacks.
type product struct {
	name string
	file *File
}

func (e *Exposure) products() []product {
	return []product{{DET, &e.DET}, {DET, &e.RMS}, {DET, &e.FLG}, {BKG, &e.BKG}, {WGT, &e.WGT}, {PSF, &e.PSF}}
}

// complete has the exposures' files known by size and ETag. One that can't be
// had is lacking like one that isn't listed.
func (o *Observations) complete(ctx context.Context, l objstore.Lister) error {
	var files []*File
	for i := range o.Exposures {
		for _, p := range o.Exposures[i].products() {
			files = append(files, p.file)
		}
	}
	gone, err := complete(ctx, l, files)
	if err != nil || len(gone) == 0 {
		return err
	}
	kept := o.Exposures[:0:0]
	var incomplete []Missing
	for i := range o.Exposures {
		e, lacks := &o.Exposures[i], map[string]bool{}
		for _, p := range e.products() {
			if why := gone[p.file]; why != "" && !lacks[p.name] {
				lacks[p.name] = true
				incomplete = append(incomplete, Missing{e.ExposureID, p.name, why})
			}
		}
		if !lacks[DET] { // one of its parts is as good as none
			kept = append(kept, *e)
		}
	}
	o.Exposures, o.Incomplete = kept, append(incomplete, o.Incomplete...)
	return nil
}

// completeCatalogs has some tiles' catalogues known by size and ETag. A tile whose
// catalogue can't be had lacks it.
func completeCatalogs(ctx context.Context, l objstore.Lister, tiles map[int64]*MERTile, ids []int64) error {
	var files []*File
	for _, id := range ids {
		if t := tiles[id]; t != nil {
			for i := range t.Catalogs {
				files = append(files, &t.Catalogs[i])
			}
		}
	}
	gone, err := complete(ctx, l, files)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if t := tiles[id]; t != nil && len(t.Catalogs) > 0 {
			if why := gone[&t.Catalogs[0]]; why != "" { // listings give one
				t.Catalogs, t.Lacks = nil, "its catalogue "+why
			}
		}
	}
	return nil
}

// completeMosaic has a mosaic known by size and ETag; one that can't be had is bad data.
func completeMosaic(ctx context.Context, s TileStore, f *File) error {
	uri := f.URI
	gone, err := complete(ctx, s, []*File{f})
	if why := gone[f]; err == nil && why != "" {
		return withoutMosaics(fault.Data("FileMissing", "%s", why).On(uri))
	}
	return err
}
