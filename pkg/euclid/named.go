package euclid

import (
	"context"
	"path"
	"strconv"

	"github.com/cosmostat/constellation/pkg/objstore"
)

// Entry is a file of which somebody says what it is, whatever its name.
type Entry struct {
	objstore.Info
	Name Name
}

// NamedLister lists files with what they are. Where [IndexExposures] and
// [IndexTiles] are given one, they ask it in place of listing directories.
type NamedLister interface {
	ListNamed(ctx context.Context, visit func(Entry) error) error
}

// Agree compares what somebody says of a file with its name, and takes the release
// and the time from there. It names what the two don't agree in by a column's
// name, and what the file's name says; empty where the name says nothing.
func (e *Entry) Agree() (column, said string) {
	_, base := split(e.URI)
	stem, _, ok := cutForm(base)
	if !ok {
		return "", ""
	}
	n, ok := parseStem(stem)
	if !ok {
		return "", ""
	}
	tile := func(n Name) string { return strconv.FormatInt(n.Tile, 10) }
	for _, f := range []struct{ column, row, name string }{
		{"product", e.Name.Product, n.Product}, {"part", e.Name.Part, n.Part}, {"tile_id", tile(e.Name), tile(n)},
		{"obs_id", e.Name.Obs, n.Obs}, {"dither", e.Name.Dither, n.Dither}, {"exposure", e.Name.Number, n.Number},
	} {
		ofPSF := n.Product == PSF && f.column != "product" // a PSF serves whoever is said to have it
		if f.row != f.name && !ofPSF {
			return f.column, f.name
		}
	}
	if e.Name.Release != "" && n.Release != "" && e.Name.Release != n.Release {
		return "release", n.Release
	}
	if e.Name.Release == "" {
		e.Name.Release = n.Release
	}
	e.Name.Timestamp = n.Timestamp
	return "", ""
}

// file is the entry's, with the tile that it is of where its name doesn't say so.
func (e Entry) file() File {
	f := fileOf(e.Info)
	if n, ok := merNameOf(e.URI); e.Name.Maker == MadeByMER && (!ok || n.Tile != e.Name.Tile) {
		f.Tile = e.Name.Tile
	}
	return f
}

// form is that of the file, by what its name ends in.
func (e Entry) form() string {
	_, base := split(e.URI)
	if _, form, ok := cutForm(base); ok {
		return form
	}
	if ext := path.Ext(base); unpacking[ext] != "" {
		return ext
	}
	return plain
}

// listFiles gives the files of a store to byName, and those of who says what they
// are to entry.
func listFiles(ctx context.Context, l objstore.Lister, prefix string, entry func(Entry) error, byName func(objstore.Info) error) error {
	if says, ok := l.(NamedLister); ok {
		return says.ListNamed(ctx, entry)
	}
	return objstore.ListNames(ctx, l, prefix, byName)
}
