package region

import (
	"cmp"
	"encoding/json"
	"io"
	"maps"
	"math"
	"slices"

	"github.com/cosmostat/constellation/pkg/sky"
)

// lonLat is a position as GeoJSON has it: RA from -180 to 180 degrees, growing
// to the east, and Dec.
type lonLat [2]float64

// edgeParts is into how many parts an edge is cut, because GeoJSON's edges are
// straight in longitude and latitude and a square's are great circles: those of
// a MER tile keep to within 0.3 arcsec.
func (s Square) edgeParts() int {
	if math.Abs(s.Plane.Centre().Dec) < 80 {
		return 8
	}
	return 64
}

// WriteGeoJSON writes squares as a GeoJSON feature collection (RFC 7946). The
// longitude is the right ascension, from -180 to 180 degrees: 359 is -1. As the
// RFC asks, a square across RA 180 is cut in two there, one that holds a pole
// runs along it, and rings go counter-clockwise in (RA, Dec).
func WriteGeoJSON(w io.Writer, squares []Square) error {
	type geometry struct {
		Type        string `json:"type"`
		Coordinates any    `json:"coordinates"`
	}
	type feature struct {
		Type       string         `json:"type"`
		ID         string         `json:"id"`
		Geometry   geometry       `json:"geometry"`
		Properties map[string]any `json:"properties"`
	}
	out := struct {
		Type     string    `json:"type"`
		Frame    string    `json:"frame"`
		Features []feature `json:"features"`
	}{"FeatureCollection", "ICRS: longitude is right ascension in degrees, from -180 to 180; latitude is declination", []feature{}}
	for _, s := range squares {
		f := feature{Type: "Feature", ID: s.Name, Properties: maps.Clone(s.Properties)}
		rings := s.rings()
		if len(rings) == 1 {
			f.Geometry = geometry{"Polygon", rings}
		} else {
			var polygons [][][]lonLat
			for _, r := range rings {
				polygons = append(polygons, [][]lonLat{r})
			}
			f.Geometry = geometry{"MultiPolygon", polygons}
		}
		out.Features = append(out.Features, f)
	}
	return json.NewEncoder(w).Encode(out)
}

// rings are the square's outlines, closed: one, or one on each side of RA 180.
func (s Square) rings() [][]lonLat {
	samples := s.samples()
	ring, turns := unroll(samples)
	if turns {
		return [][]lonLat{aroundPole(samples)}
	}
	var rings [][]lonLat
	for _, turn := range []float64{-720, -360, 0, 360, 720} {
		part := clip(clip(ring, turn-180, 1), turn+180, -1)
		for i := range part {
			part[i] = lonLat{round9(part[i][0] - turn), round9(part[i][1])}
		}
		if part = slices.Compact(part); len(part) < 3 || width(part) < 1e-8 {
			continue
		}
		if part[0] != part[len(part)-1] {
			part = append(part, part[0])
		}
		rings = append(rings, part)
	}
	return rings
}

// samples are positions along the outline, counter-clockwise. The first is no pole.
func (s Square) samples() []sky.Coord {
	var samples []sky.Coord
	corners, n := s.Box.Corners(), s.edgeParts()
	for i, c := range corners {
		dx, dy := corners[(i+1)%4].Xi-c.Xi, corners[(i+1)%4].Eta-c.Eta
		var parts []float64
		for k := range n {
			parts = append(parts, float64(k)/float64(n))
		}
		for _, dec := range []float64{-90, 90} { // an edge over a pole must not jump over it
			o, ok := s.Plane.Project(sky.Coord{Dec: dec})
			px, py := o.Xi-c.Xi, o.Eta-c.Eta
			if ok && math.Abs(px*dy-py*dx) < 1e-9*(dx*dx+dy*dy) {
				if f := (px*dx + py*dy) / (dx*dx + dy*dy); f > 0 && f < 1 {
					parts = append(parts, f)
				}
			}
		}
		slices.Sort(parts)
		for _, f := range parts {
			samples = append(samples, s.Plane.Deproject(sky.Offset{Xi: c.Xi + f*dx, Eta: c.Eta + f*dy}))
		}
	}
	if atPole(samples[0]) {
		samples = append(samples[1:], samples[0])
	}
	return samples
}

func atPole(c sky.Coord) bool { return math.Abs(c.Dec) > 90-1e-9 }

// unroll is an outline with longitudes that go on over 180, not closed. It
// turns where it goes once round the pole instead of coming back.
//
// A pole on the outline is a piece of the edge of the map: with the inside on
// its left, the outline goes west along the northern one and east along the southern.
func unroll(samples []sky.Coord) (ring []lonLat, turns bool) {
	last := samples[0].RA
	var pole float64
	for i := 1; i <= len(samples); i++ {
		c := samples[i%len(samples)]
		if atPole(c) {
			pole = math.Copysign(90, c.Dec)
			continue
		}
		lon := last + math.Remainder(c.RA-last, 360)
		if pole != 0 {
			lon = last - math.Mod(last-c.RA+720, 360)
			if pole < 0 {
				lon = last + math.Mod(c.RA-last+720, 360)
			}
			ring = append(ring, lonLat{last, pole}, lonLat{lon, pole})
			pole = 0
		}
		ring = append(ring, lonLat{lon, c.Dec})
		last = lon
	}
	return ring, math.Abs(last-samples[0].RA) > 180
}

// aroundPole is the area between an outline that turns round a pole and that
// pole. RA only grows along it, so the map's edges cut it in order.
func aroundPole(samples []sky.Coord) []lonLat {
	var line []lonLat
	for _, c := range samples {
		line = append(line, lonLat{math.Remainder(c.RA, 360), c.Dec})
	}
	slices.SortFunc(line, func(a, b lonLat) int { return cmp.Compare(a[0], b[0]) })
	first, last := line[0], line[len(line)-1]
	f := (180 - last[0]) / (first[0] + 360 - last[0])
	edge := last[1] + f*(first[1]-last[1])
	pole := math.Copysign(90, first[1])
	line = append(line, lonLat{180, edge}, lonLat{180, pole}, lonLat{-180, pole}, lonLat{-180, edge})
	if pole < 0 {
		slices.Reverse(line)
	}
	for i := range line {
		line[i] = lonLat{round9(line[i][0]), round9(line[i][1])}
	}
	line = slices.Compact(line)
	return append(line, line[0])
}

// clip keeps what lies at longitudes above a limit (sign 1) or below it (-1).
// Great circles cross a meridian once, so what is left is one piece.
func clip(ring []lonLat, limit, sign float64) []lonLat {
	var kept []lonLat
	for i, p := range ring {
		q := ring[(i+1)%len(ring)]
		dp, dq := sign*(p[0]-limit), sign*(q[0]-limit)
		if dp >= 0 {
			kept = append(kept, p)
		}
		if dp*dq < 0 {
			f := dp / (dp - dq)
			kept = append(kept, lonLat{limit, p[1] + f*(q[1]-p[1])})
		}
	}
	return kept
}

func width(ring []lonLat) float64 {
	low, high := math.Inf(1), math.Inf(-1)
	for _, p := range ring {
		low, high = min(low, p[0]), max(high, p[0])
	}
	return high - low
}

// round9 is far below what anybody draws: 4 micro-arcsec.
func round9(v float64) float64 { return math.Round(v*1e9) / 1e9 }
