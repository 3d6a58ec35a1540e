package euclid

import (
	"context"
	"maps"
	"slices"

	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
)

// Inventory is every file of VIS and MER that counts, of all exposures and tiles:
// of several deliveries the one that runs would take, in the order of exposures
// and tiles. Files that can't be read as they are, such as a compressed DET, are
// of it, so that who lists them misses them. A PSF has an entry for each exposure.
func Inventory(ctx context.Context, s TileStore, visBase string, opts TileOptions) (entries []Entry, notes []string, err error) {
	v, err := listVIS(ctx, s, visBase)
	if err != nil {
		return nil, nil, err
	}
	o := v.observations(settings.AllExposures)
	catalogs, err := listMER(ctx, s, opts.CatalogBase, FinalCatalog)
	if err != nil {
		return nil, nil, err
	}
	mosaics, err := listMER(ctx, s, opts.MERBase, VISMosaic)
	if err != nil {
		return nil, nil, err
	}
	if opts.release, err = opts.resolve(catalogs); err != nil {
		return nil, nil, err
	}
	entries = slices.Concat(v.entries(o), catalogs.entries(opts.release), mosaics.entries(opts.release))
	files := make([]*File, len(entries))
	for i := range entries {
		files[i] = &File{URI: entries[i].URI, Size: entries[i].Size, ETag: entries[i].ETag}
	}
	gone, err := complete(ctx, s, files)
	if err != nil {
		return nil, nil, err
	}
	kept := entries[:0]
	for i, e := range entries {
		if why := gone[files[i]]; why != "" {
			notes = append(notes, why)
			continue
		}
		e.Size, e.ETag = files[i].Size, files[i].ETag
		kept = append(kept, e)
	}
	for _, m := range o.Incomplete {
		notes = append(notes, m.String())
	}
	return kept, slices.Concat(notes, catalogs.notes(), mosaics.notes()), nil
}

// entry is a file as what it is of.
func entry(f File, n Name) Entry {
	return Entry{Info: objstore.Info{URI: f.URI, Size: f.Size, ETag: f.ETag}, Name: n}
}

// entries are the exposures' files.
func (v *visListing) entries(o *Observations) (all []Entry) {
	whole := map[ExposureID]Exposure{}
	ids := map[ExposureID]bool{}
	for _, e := range o.Exposures {
		whole[e.ExposureID], ids[e.ExposureID] = e, true
	}
	for id := range v.det {
		ids[id] = true
	}
	for k := range v.vis.files {
		ids[k.ExposureID] = true
	}
	for _, id := range slices.SortedFunc(maps.Keys(ids), ExposureID.Compare) {
		name := Name{Maker: MadeByVIS, Obs: id.Obs, Dither: id.Dither, Number: id.Number}
		add := func(f File, product, part string) {
			if name.Product, name.Part = product, part; f.Exists() {
				all = append(all, entry(f, name))
			}
		}
		e, is := whole[id]
		if part := ""; is {
			if e.Split() {
				part = PartSCI
			}
			add(e.DET, DET, part)
			add(e.RMS, DET, PartRMS)
			add(e.FLG, DET, PartFLG)
		} else if sets := v.det[id]; len(sets) > 0 { // of which none is whole, or the one that counts is compressed
			for i, d := range append([]*delivery{sets[0].combined}, sets[0].parts[:]...) {
				if d != nil {
					add(d.File, DET, append([]string{""}, detParts[:]...)[i])
				}
			}
		}
		for _, product := range []string{BKG, WGT} {
			add(v.vis.files[visKey{id, product}].File, product, "")
		}
		add(e.PSF, PSF, "")
	}
	return all
}

// entries are the product's files of the release that counts, and of tiles that it
// lacks those that runs would take in its place.
func (m *merFiles) entries(release string) (all []Entry) {
	for _, tile := range slices.Sorted(maps.Keys(m.tiles)) {
		of := m.tiles[tile]
		for _, r := range slices.SortedFunc(maps.Keys(of), func(a, b string) int { return settings.CompareReleases(b, a) }) {
			if settings.CompareReleases(r, release) > 0 && len(of) > 1 {
				continue
			}
			all = append(all, entry(of[r].File, Name{Maker: MadeByMER, Product: m.product, Tile: tile, Release: r}))
			break
		}
	}
	return all
}
