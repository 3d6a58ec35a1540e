package sky

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// reference is what testdata/tangent.py computed with astropy.
type reference []struct {
	RA, Dec float64
	Points  []struct{ Xi, Eta, RA, Dec, Separation float64 }
	Boxes   []struct {
		Box     [4]float64
		RA, Dec Range
	}
}

func readReference(t *testing.T) reference {
	t.Helper()
	data, err := os.ReadFile("testdata/tangent.json")
	if err != nil {
		t.Fatal(err)
	}
	var r reference
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance }

func TestTangentAgainstAstropy(t *testing.T) {
	const tolerance = 1e-11 // degrees
	for _, c := range readReference(t) {
		centre := Coord{c.RA, c.Dec}
		plane := NewTangent(centre)
		for _, p := range c.Points {
			want := Coord{p.RA, p.Dec}
			if got := plane.Deproject(Offset{p.Xi, p.Eta}); Separation(got, want) > tolerance {
				t.Errorf("centre %v: deproject (%v, %v) = %v, astropy %v", centre, p.Xi, p.Eta, got, want)
			}
			got, ok := plane.Project(want)
			if !ok || !near(got.Xi, p.Xi, 4*tolerance) || !near(got.Eta, p.Eta, 4*tolerance) {
				t.Errorf("centre %v: project %v = %v %v, astropy (%v, %v)", centre, want, got, ok, p.Xi, p.Eta)
			}
			if got := Separation(centre, want); !near(got, p.Separation, tolerance) {
				t.Errorf("separation of %v and %v = %v, astropy %v", centre, want, got, p.Separation)
			}
		}
	}
}

// astropy's bounds are sampled: never beyond ours, and near to them.
func TestBoundsAgainstAstropy(t *testing.T) {
	const rounding, sampling = 1e-9, 2e-4
	for _, c := range readReference(t) {
		plane := NewTangent(Coord{c.RA, c.Dec})
		for _, b := range c.Boxes {
			ra, dec := plane.Bounds(Box{b.Box[0], b.Box[1], b.Box[2], b.Box[3]})
			if dec[0] > b.Dec[0]+rounding || dec[1] < b.Dec[1]-rounding ||
				!near(dec[0], b.Dec[0], sampling) && dec[0] != -90 || !near(dec[1], b.Dec[1], sampling) && dec[1] != 90 {
				t.Errorf("centre (%v, %v) box %v: dec %v, sampled %v", c.RA, c.Dec, b.Box, dec, b.Dec)
			}
			if dec[0] == -90 || dec[1] == 90 {
				if ra != (Range{0, 360}) {
					t.Errorf("centre (%v, %v) box %v holds a pole: ra %v", c.RA, c.Dec, b.Box, ra)
				}
				continue
			}
			if !near(ra[0], b.RA[0], rounding) || !near(ra[1], b.RA[1], rounding) {
				t.Errorf("centre (%v, %v) box %v: ra %v, sampled %v", c.RA, c.Dec, b.Box, ra, b.RA)
			}
		}
	}
}

func TestBoundsSpecialPlaces(t *testing.T) {
	box := Box{-0.1, 0.1, -0.1, 0.1}
	tests := []struct {
		name    string
		centre  Coord
		box     Box
		ra, dec Range
	}{
		{"across RA 0", Coord{0, 0}, box, Range{359.9, 360.1}, Range{-0.1, 0.1}},
		{"pole inside", Coord{77, 89.95}, box, Range{0, 360}, Range{89.8197, 90}},
		{"south pole at the centre", Coord{77, -90}, box, Range{0, 360}, Range{-90, -89.859}},
		{"pole on an edge", Coord{0, 90}, Box{0, 0.1, -0.1, 0.1}, Range{0, 360}, Range{89.859, 90}},
		{"beyond the pole", Coord{0, 90}, Box{-0.1, 0.1, 0.1, 0.2}, Range{135, 225}, Range{89.776, 89.9}},
		{"over the pole and RA 0", Coord{180, 89.9}, Box{-0.1, 0.1, 0.2, 0.3}, Range{315, 405}, Range{89.776, 89.9}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ra, dec := NewTangent(tt.centre).Bounds(tt.box)
			for i := range 2 {
				if !near(ra[i], tt.ra[i], 1e-3) || !near(dec[i], tt.dec[i], 1e-3) {
					t.Errorf("ra %v dec %v, want %v %v", ra, dec, tt.ra, tt.dec)
				}
			}
		})
	}
}

// The highest point of an edge is not at its ends: min and max of corners would lose a part.
func TestBoundsHoldCurvedEdges(t *testing.T) {
	plane := NewTangent(Coord{10, 80})
	box := Box{-3, 3, -3, 3}
	_, dec := plane.Bounds(box)
	if got, want := dec[1], plane.Deproject(Offset{0, 3}).Dec; got != want {
		t.Errorf("max dec %v, want %v", got, want)
	}
	if corner := plane.Deproject(Offset{3, 3}).Dec; dec[1]-corner < 0.1 {
		t.Errorf("max dec %v is not above the corner's %v", dec[1], corner)
	}
}

func TestNormalize(t *testing.T) {
	for in, want := range map[float64]float64{0: 0, 360: 0, -1e-20: 0, -1: 359, 725: 5, 359.5: 359.5} {
		if got := Normalize(Coord{RA: in}).RA; got != want {
			t.Errorf("Normalize(%v) = %v, want %v", in, got, want)
		}
	}
}

func TestSeparationExtremes(t *testing.T) {
	a := Coord{10, 20}
	for _, tt := range []struct {
		b    Coord
		want float64
	}{{a, 0}, {Coord{190, -20}, 180}, {Coord{10, 20 + 1e-9}, 1e-9}, {Coord{0, 90}, 70}} {
		if got := Separation(a, tt.b); !near(got, tt.want, 1e-13) {
			t.Errorf("Separation(%v, %v) = %v, want %v", a, tt.b, got, tt.want)
		}
	}
}

func TestProjectOtherHemisphere(t *testing.T) {
	plane := NewTangent(Coord{10, 20})
	for _, c := range []Coord{{190, -20}, {100, 0}, {math.NaN(), 0}} {
		if o, ok := plane.Project(c); ok && math.Abs(o.Xi) < 1e6 {
			t.Errorf("Project(%v) = %v", c, o)
		}
	}
}
