package sky

import (
	"cmp"
	"math"
	"slices"
)

// Atlas answers questions about many tiles fast: it looks only at the ones
// that the answer can depend on, and gives what a look at all of them would.
type Atlas struct {
	tiles  []Tile
	planes []Tangent
	bands  []band // by Dec, from the south
}

// band is the tiles of a range of Dec, by RA.
type band struct {
	dec Range // of the centres
	at  []int // indices of tiles
	ra  []float64
}

// bandDeg is the height of a band: that of a row of MER tiles.
const bandDeg = 0.5

// slackDeg keeps rounding from leaving a tile out of a search.
const slackDeg = 1e-9

// NewAtlas takes tiles in any order, from anywhere on the sky.
func NewAtlas(tiles []Tile) *Atlas {
	a := &Atlas{tiles: slices.Clone(tiles), planes: make([]Tangent, len(tiles))}
	rows := map[int][]int{}
	for i, t := range a.tiles {
		a.planes[i] = t.Plane()
		row := int(math.Floor(t.Centre.Dec/bandDeg + 0.5)) // the MER products' rows are in the middle
		rows[row] = append(rows[row], i)
	}
	for _, at := range rows {
		b := band{dec: Range{math.Inf(1), math.Inf(-1)}, at: at}
		slices.SortFunc(at, func(i, j int) int { return cmp.Compare(a.planes[i].centre.RA, a.planes[j].centre.RA) })
		for _, i := range at {
			c := a.planes[i].centre
			b.ra = append(b.ra, c.RA)
			b.dec = Range{math.Min(b.dec[0], c.Dec), math.Max(b.dec[1], c.Dec)}
		}
		a.bands = append(a.bands, b)
	}
	slices.SortFunc(a.bands, func(b, c band) int { return cmp.Compare(b.dec[0], c.dec[0]) })
	return a
}

// Owner is [Owner] among the atlas's tiles.
func (a *Atlas) Owner(c Coord) (int, bool) {
	c = Normalize(c)
	owner, least := -1, math.Inf(1)
	a.search(c, 90, func(i int) float64 {
		if o, ok := a.planes[i].Project(c); ok {
			d := math.Max(math.Abs(o.Xi), math.Abs(o.Eta))
			if d < least || d == least && owner >= 0 && a.tiles[i].ID < a.tiles[owner].ID {
				owner, least = i, d
			}
		}
		// A tile farther away than that square's corner has a larger square.
		return math.Atan(least*math.Sqrt2*deg) / deg
	})
	return owner, owner >= 0
}

// Within returns the indices of the tiles whose centres are at most radius
// degrees from a position, in the order in which the tiles were given.
func (a *Atlas) Within(c Coord, radius float64) []int {
	var near []int
	a.search(Normalize(c), radius, func(i int) float64 {
		if Separation(a.planes[i].centre, c) <= radius {
			near = append(near, i)
		}
		return radius
	})
	slices.Sort(near)
	return near
}

// search visits all tiles within a limit (degrees) of a position, some of
// those beyond it, and the nearer ones first, roughly. The visitor returns the
// limit for the rest; it never grows.
func (a *Atlas) search(c Coord, limit float64, visit func(i int) float64) {
	above, _ := slices.BinarySearchFunc(a.bands, c.Dec, func(b band, dec float64) int { return cmp.Compare(b.dec[0], dec) })
	below := above - 1
	distance := func(k int) float64 { // to a band: that in Dec
		if k < 0 || k >= len(a.bands) {
			return math.Inf(1)
		}
		return math.Max(0, math.Max(a.bands[k].dec[0]-c.Dec, c.Dec-a.bands[k].dec[1]))
	}
	for {
		k, d := below, distance(below)
		if up := distance(above); up < d {
			k, d = above, up
		}
		if d > limit+slackDeg {
			return
		}
		if k == above {
			above++
		} else {
			below--
		}
		limit = a.bands[k].search(c, limit, visit)
	}
}

// search visits the band's tiles in both directions from the position's RA,
// until the meridians of the next ones are beyond the limit.
func (b band) search(c Coord, limit float64, visit func(i int) float64) float64 {
	n := len(b.at)
	east, _ := slices.BinarySearch(b.ra, c.RA)
	west := east + n - 1 // indices run round the circle, modulo n
	for range n {
		de := meridian(c.Dec, math.Mod(b.ra[east%n]-c.RA+360, 360))
		dw := meridian(c.Dec, math.Mod(c.RA-b.ra[west%n]+360, 360))
		if math.Min(de, dw) > limit+slackDeg {
			break
		}
		if de <= dw {
			limit = visit(b.at[east%n])
			east++
		} else {
			limit = visit(b.at[west%n])
			west--
		}
	}
	return limit
}

// meridian is the distance from a position at a Dec to the nearest point of
// the meridian that lies some degrees of RA farther, and of all the meridians
// from there to the opposite one.
func meridian(dec, ra float64) float64 {
	if ra >= 90 {
		return 90 - math.Abs(dec)
	}
	return math.Asin(math.Cos(dec*deg)*math.Sin(ra*deg)) / deg
}
