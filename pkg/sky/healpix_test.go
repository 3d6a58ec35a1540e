package sky

import (
	"encoding/csv"
	"math"
	"os"
	"strconv"
	"testing"
)

// TestHealpix holds pixels to what testdata/healpix.py had of cdshealpix, which the
// package hats computes its column with. On an edge, within a thousandth of a
// pixel, the neighbour is as good.
func TestHealpix(t *testing.T) {
	f, err := os.Open("testdata/healpix.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil || len(lines) < 1000 {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	number := func(s string) float64 {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	edges, others := 0, 0
	for _, l := range lines[1:] {
		c := Coord{number(l[0]), number(l[1])}
		want, err := strconv.ParseInt(l[2], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Healpix(c)
		switch {
		case err != nil:
			t.Errorf("%v: %v", c, err)
		case got == want:
		case neighbours(c, 1e-3)[want]:
			edges++
			if l[3] == "0" {
				t.Logf("%v lies in %d, cdshealpix says %d: there is no edge", c, got, want)
				others++
			}
		default:
			t.Errorf("%v lies in %d, cdshealpix says %d", c, got, want)
		}
	}
	if t.Logf("%d of %d positions on an edge are told to be the neighbour's", edges, len(lines)-1); others > 0 {
		t.Errorf("%d where no pixels meet", others)
	}
}

// neighbours are the pixels within a part of a pixel of a direction.
func neighbours(c Coord, part float64) map[int64]bool {
	const side = 1.1e-7 // degrees
	found := map[int64]bool{}
	plane := NewTangent(c)
	for _, xi := range []float64{-1, -0.5, 0, 0.5, 1} {
		for _, eta := range []float64{-1, -0.5, 0, 0.5, 1} {
			if id, err := Healpix(plane.Deproject(Offset{xi * part * side, eta * part * side})); err == nil {
				found[id] = true
			}
		}
	}
	return found
}

func TestHealpixRefuses(t *testing.T) {
	for _, c := range []Coord{{math.NaN(), 0}, {0, math.NaN()}, {0, 90.0000001}, {0, -91}, {math.Inf(1), 0}, {0, math.Inf(-1)}} {
		if id, err := Healpix(c); err == nil {
			t.Errorf("%v lies in %d", c, id)
		}
	}
	// Any turn of RA is the same direction, and none leaves the sky.
	for _, c := range [][2]Coord{{{0, 10}, {360, 10}}, {{-90, 10}, {270, 10}}, {{725, -60}, {5, -60}}, {{-1e-20, 3}, {0, 3}}, {{math.Copysign(0, -1), 80}, {0, 80}}} {
		a, errA := Healpix(c[0])
		b, errB := Healpix(c[1])
		if a != b || errA != nil || errB != nil {
			t.Errorf("%v: %d and %d, %v, %v", c, a, b, errA, errB)
		}
	}
	for ra := -720.; ra <= 720; ra += 7.5 {
		for dec := -90.; dec <= 90; dec += 2.5 {
			if id, err := Healpix(Coord{ra, dec}); err != nil || id < 0 || id >= 12*healpixSide*healpixSide {
				t.Fatalf("(%g, %g): %d, %v", ra, dec, id, err)
			}
		}
	}
}

func BenchmarkHealpix(b *testing.B) {
	for i := range b.N {
		if _, err := Healpix(Coord{float64(i%360) + 0.3, float64(i%180) - 89.7}); err != nil {
			b.Fatal(err)
		}
	}
}
