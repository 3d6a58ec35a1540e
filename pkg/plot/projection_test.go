package plot

import (
	"encoding/csv"
	"math"
	"os"
	"strconv"
	"testing"

	"github.com/cosmostat/constellation/pkg/sky"
)

// TestAgainstAstropy: testdata/golden.py says how the numbers were made.
func TestAgainstAstropy(t *testing.T) {
	f, err := os.Open("testdata/projections.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, row := range rows {
		var v [6]float64
		for i := range v {
			if v[i], err = strconv.ParseFloat(row[i+1], 64); err != nil {
				t.Fatal(err)
			}
		}
		centre, c := sky.Coord{RA: v[0], Dec: v[1]}, sky.Coord{RA: v[2], Dec: v[3]}
		seen[row[0]]++
		var pr projection
		unit := 1.0
		switch row[0] {
		case "TAN":
			pr, unit = tangent{sky.NewTangent(centre)}, 60
		case "ZEA":
			pr = newZenithal(centre)
		case "MOL":
			pr = mollweide{centre.RA}
		case "GAL", "ECL":
			got := fromGalactic(c.RA, c.Dec)
			if row[0] == "ECL" {
				got = fromEcliptic(c.RA)
			}
			if d := sky.Separation(got, sky.Coord{RA: v[4], Dec: v[5]}); d > 1e-4 {
				t.Errorf("%v: %v, off by %v deg", row, got, d)
			}
			continue
		}
		p, ok := pr.forward(c)
		if want := (Point{-v[4] * unit, v[5] * unit}); !ok || math.Hypot(p.X-want.X, p.Y-want.Y) > 1e-7 {
			t.Errorf("%v: %v, want %v", row, p, want)
		}
		back, ok := pr.inverse(p)
		if d := sky.Separation(back, c); !ok || d > 1e-6 {
			t.Errorf("%v: back at %v, off by %v deg", row, back, d)
		}
	}
	for _, name := range []string{"TAN", "ZEA", "MOL", "GAL", "ECL"} {
		if seen[name] < 5 {
			t.Errorf("%s: %d rows", name, seen[name])
		}
	}
}

// TestOutside: what the plane or the sky does not hold is refused.
func TestOutside(t *testing.T) {
	far := sky.Coord{RA: 180, Dec: 10}
	for _, pr := range []projection{tangent{sky.NewTangent(sky.Coord{})}, newZenithal(sky.Coord{})} {
		if p, ok := pr.forward(far); ok {
			t.Errorf("%T holds %v at %v", pr, far, p)
		}
	}
	for _, p := range []Point{{mollweideWidth, 1}, {0, mollweideWidth}, {-mollweideWidth * 0.8, mollweideWidth * 0.4}} {
		if c, ok := (mollweide{}).inverse(p); ok {
			t.Errorf("%v is %v", p, c)
		}
	}
	if c, ok := newZenithal(sky.Coord{}).inverse(Point{170, 0}); ok {
		t.Errorf("%v", c)
	}
}

// TestEqualArea: the ellipse's polygons have the areas that they have on the
// sphere, wherever they lie: across the seam, on a pole, and as a whole.
func TestEqualArea(t *testing.T) {
	m := mollweide{}
	sphere := func(radius float64) float64 { // of a square of the tangent plane, in square degrees
		h := math.Tan(radius * deg)
		return 4 * math.Asin(h*h/(1+h*h)) / deg / deg
	}
	for _, c := range []sky.Coord{{RA: 0, Dec: 0}, {RA: 180, Dec: 20}, {RA: 179.9, Dec: -60}, {RA: 0, Dec: 90}, {RA: 77, Dec: -89}, {RA: 181, Dec: 88.5}, {RA: 300, Dec: 75}} {
		for _, radius := range []float64{0.25, 2, 20} {
			half := math.Tan(radius*deg) / deg
			tile := Tile{Tile: sky.Tile{Centre: c}}
			parts := m.area(tile.outline(sky.Box{XiMin: -half, XiMax: half, EtaMin: -half, EtaMax: half}))
			sum := 0.0
			for _, part := range parts {
				sum += math.Abs(signedArea(part))
				for _, p := range part {
					if _, ok := m.inverse(Point{p.X * (1 - 1e-12), p.Y * (1 - 1e-12)}); !ok {
						t.Fatalf("%v: %v is outside the ellipse", c, p)
					}
				}
			}
			if want := sphere(radius); math.Abs(sum/want-1) > 3e-3 {
				t.Errorf("%v, %v deg: area %v in %d parts, want %v", c, radius, sum, len(parts), want)
			}
			seam := math.Abs(math.Remainder(c.RA-180, 360)) < 0.2 && math.Abs(c.Dec) < 80 && radius < 10
			if seam != (len(parts) == 2) && math.Abs(c.Dec) < 80 && radius < 10 {
				t.Errorf("%v, %v deg: %d parts", c, radius, len(parts))
			}
		}
	}
}

// TestLinesBreakAtTheSeam: no line runs across the page.
func TestLinesBreakAtTheSeam(t *testing.T) {
	m := mollweide{}
	for _, c := range []struct {
		line  []sky.Coord
		parts int
	}{
		{parallel(30, 150, 210, 1), 2},
		{parallel(30, 10, 350, 1), 2},
		{parallel(-30, -170, 170, 1), 1},
		{meridian(10, -90, 90, 1), 1},
	} {
		parts := m.line(c.line)
		if len(parts) != c.parts {
			t.Errorf("%v ...: %d parts, want %d", c.line[0], len(parts), c.parts)
		}
		for _, part := range parts {
			for i := 1; i < len(part); i++ {
				if d := math.Hypot(part[i].X-part[i-1].X, part[i].Y-part[i-1].Y); d > 8 {
					t.Errorf("from %v to %v in one go", part[i-1], part[i])
				}
			}
		}
	}
}
