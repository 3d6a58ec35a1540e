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

// Listed is what listings of MER products held beside the tiles' files.
type Listed struct {
	// Release is the one that counts; empty where the files' names have none.
	Release string
	// Notes say in a line each how many files were passed over, and why.
	Notes []string
	// Unread says of tiles that are not known, since their files can't be read or
	// don't count, why.
	Unread []string
}

// merFiles is the newest delivery of each release of one product, by tile.
type merFiles struct {
	product    string
	tiles      map[int64]map[string]delivery
	superseded tally
	leftover   tally
	unknown    tally
	lost       map[int64]string // of tiles: the first leftover by name
}

// listMER lists one product. Files of other products are passed over.
func listMER(ctx context.Context, l objstore.Lister, base, product string) (*merFiles, error) {
	m := &merFiles{product: product, tiles: map[int64]map[string]delivery{}, lost: map[int64]string{}}
	err := listFiles(ctx, l, directory(base), m.takeNamed, func(info objstore.Info) error {
		_, name := split(info.URI)
		stem, form, ok := cutForm(name)
		if !ok {
			return nil
		}
		n, ok := parseStem(stem)
		switch {
		case !ok && strings.HasPrefix(stem, "EUC_MER_"+product+"_"):
			why, _ := nearMiss(stem)
			m.unknown.add(fmt.Sprintf("%q", name) + aside(why))
		case !ok || n.Maker != MadeByMER || n.Product != product:
		case !isDelivery(form):
			m.leftover.add(fmt.Sprintf("%q, like %s of tile %d", name, product, n.Tile))
			if what, old := unread(name, form), m.lost[n.Tile]; old == "" || what < old {
				m.lost[n.Tile] = what
			}
		default:
			m.add(n, delivery{fileOf(info), n.Release, n.Timestamp, form})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list %s files: %w", product, err)
	}
	return m, nil
}

// takeNamed sorts in a file of which somebody says what it is.
func (m *merFiles) takeNamed(e Entry) error {
	switch n := e.Name; {
	case n.Maker != MadeByMER || n.Product != m.product:
	default:
		m.add(n, delivery{e.file(), n.Release, n.Timestamp, e.form()})
	}
	return nil
}

func (m *merFiles) add(n Name, d delivery) {
	of := m.tiles[n.Tile]
	if of == nil {
		of = map[string]delivery{}
		m.tiles[n.Tile] = of
	}
	old, ok := of[n.Release]
	switch {
	case ok && !d.supersedes(old):
		old, d = d, old
		fallthrough
	case ok:
		_, base := split(old.URI)
		m.superseded.add(fmt.Sprintf("%q", base))
	}
	of[n.Release] = d
}

// notes are the lines about what was passed over.
func (m *merFiles) notes() (lines []string) {
	for _, k := range []struct {
		what string
		t    tally
	}{
		{"older deliveries of " + m.product + ", not taken", m.superseded},
		{"files named like " + m.product + " but for what follows .fits, not read", m.leftover},
		{"names that begin like those of " + m.product + " and are not understood", m.unknown},
	} {
		if k.t.n > 0 {
			slices.Sort(k.t.examples)
			lines = append(lines, fmt.Sprintf("%s: %d (%s)", k.what, k.t.n, list(k.t.examples)))
		}
	}
	return lines
}

// releases are those of all tiles, the newest first.
func (m *merFiles) releases() []string {
	all := map[string]bool{}
	for _, of := range m.tiles {
		for r := range of {
			all[r] = true
		}
	}
	return slices.SortedFunc(maps.Keys(all), func(a, b string) int { return settings.CompareReleases(b, a) })
}

// exact says whether one release is asked for, and no other counts.
func (opts TileOptions) exact() bool { return opts.Release != "" && opts.Release != settings.Newest }

// resolve decides which release counts.
func (opts TileOptions) resolve(m *merFiles) (string, error) {
	all := m.releases()
	switch {
	case !opts.exact():
		if len(all) == 0 {
			return "", nil
		}
		if opts.Hold != nil {
			return opts.Hold(all[0])
		}
		return all[0], nil
	case !opts.Release.Valid():
		return "", fault.Input("ConfigInvalid", "data.release is %q", string(opts.Release)).Fix("use newest, or a release such as 00.00")
	case len(all) > 0 && !slices.Contains(all, string(opts.Release)):
		return "", fault.Input("UnknownRelease", "no catalogue is of release %s", opts.Release).On(opts.CatalogBase).At("data.release").
			Fix("use newest, or one of those there are: %s", list(named(all)))
	}
	return string(opts.Release), nil
}

// choose takes a tile's file of the release that counts. Where there is none,
// and no release was asked for by its number, it is the newest one before that.
func (m *merFiles) choose(tile int64, release string, exact bool) MERTile {
	t := MERTile{ID: tile}
	of := m.tiles[tile]
	all := slices.SortedFunc(maps.Keys(of), func(a, b string) int { return settings.CompareReleases(b, a) })
	for _, r := range all {
		order := settings.CompareReleases(r, release)
		if order > 0 {
			t.Newer = cmp.Or(t.Newer, r)
		}
		if order > 0 || exact && order != 0 {
			continue
		}
		t.Release = r
		if d := of[r]; d.form == plain || d.form == gzipped {
			t.Catalogs = []File{d.File}
		} else {
			t.Lacks = "its catalogue " + packed(d.URI, d.form)
		}
		return t
	}
	t.Lacks = fmt.Sprintf("release %s counts (data.release), and its catalogue is there as %s", release, list(named(all)))
	return t
}

// any takes a tile's file of the release that counts, or else the newest one.
// It is false, and says why, where none can be read.
func (m *merFiles) any(tile int64, release string) (MERTile, bool) {
	t := MERTile{ID: tile}
	of := m.tiles[tile]
	all := slices.SortedFunc(maps.Keys(of), func(a, b string) int {
		return cmp.Or(-compareBool(a == release, b == release), settings.CompareReleases(b, a))
	})
	for _, r := range all {
		d := of[r]
		if d.form == plain || d.form == gzipped {
			t.Mosaic = d.File
			return t, true
		}
		t.Lacks = cmp.Or(t.Lacks, "its mosaic "+packed(d.URI, d.form))
	}
	return t, false
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// named are releases as people read them.
func named(releases []string) []string {
	out := slices.Clone(releases)
	for i, r := range out {
		if r == "" {
			out[i] = "one without a number"
		}
	}
	return out
}

// aside puts a remark in brackets, if there is one.
func aside(remark string) string {
	if remark == "" {
		return ""
	}
	return " (" + remark + ")"
}
