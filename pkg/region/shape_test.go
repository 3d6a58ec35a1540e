package region

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
)

func squaresAt(centres ...sky.Coord) []Square {
	var out []Square
	for _, c := range centres {
		tile := sky.Tile{Centre: c}
		out = append(out, Square{Plane: tile.Plane(), Box: sky.Box{XiMin: -16. / 60, XiMax: 16. / 60, EtaMin: -16. / 60, EtaMax: 16. / 60}, Name: "tile"})
		for _, grid := range []sky.Grid{{Shape: settings.Shape{Rows: 2, Cols: 2}, TileArcmin: 32}, {Shape: settings.Shape{Rows: 3, Cols: 1}, TileArcmin: 32}} {
			for _, s := range grid.SubTiles(tile) {
				out = append(out, Square{Plane: tile.Plane(), Box: s.Core, Name: s.Name(), Properties: map[string]any{"row": s.Row}})
			}
		}
	}
	return out
}

// Rings are closed, counter-clockwise and on the map, and hold the square's
// area. (shapely agrees that these and others are valid.)
func TestGeoJSON(t *testing.T) {
	for name, c := range map[string]sky.Coord{
		"EDFS": {RA: 58, Dec: -51.5}, "across RA 0": {RA: 0.05, Dec: 66}, "across RA 180": {RA: 180.05, Dec: 30}, "at RA 180": {RA: 180, Dec: 0},
		"north pole": {RA: 123, Dec: 90}, "near the south pole": {RA: 200, Dec: -89.9}, "beside the pole": {RA: 179.9, Dec: 89.5}, "pole on an edge": {RA: 10, Dec: 90 - 16./60},
	} {
		t.Run(name, func(t *testing.T) {
			all := squaresAt(c)
			var b bytes.Buffer
			if err := WriteGeoJSON(&b, all); err != nil {
				t.Fatal(err)
			}
			var got struct {
				Type     string
				Features []struct {
					Geometry struct {
						Type        string
						Coordinates json.RawMessage
					}
				}
			}
			if err := json.Unmarshal(b.Bytes(), &got); err != nil || got.Type != "FeatureCollection" || len(got.Features) != len(all) {
				t.Fatal(err, got)
			}
			for i, f := range got.Features {
				var polygons [][][]lonLat
				var err error
				if f.Geometry.Type == "Polygon" {
					polygons = make([][][]lonLat, 1)
					err = json.Unmarshal(f.Geometry.Coordinates, &polygons[0])
				} else {
					err = json.Unmarshal(f.Geometry.Coordinates, &polygons)
				}
				if err != nil {
					t.Fatal(err)
				}
				var area float64
				for _, p := range polygons {
					if len(p) != 1 || p[0][0] != p[0][len(p[0])-1] {
						t.Fatalf("%s: not one closed ring: %v", all[i].Name, p)
					}
					area += ringArea(t, p[0])
				}
				box := all[i].Box
				want := (box.XiMax - box.XiMin) * (box.EtaMax - box.EtaMin)
				if math.Abs(area/want-1) > 1e-3 {
					t.Errorf("%s: %s of %v square degrees, the square has %v: %s", all[i].Name, f.Geometry.Type, area, want, f.Geometry.Coordinates)
				}
			}
		})
	}
}

// ringArea is in square degrees, positive for counter-clockwise.
func ringArea(t *testing.T, ring []lonLat) float64 {
	t.Helper()
	var area float64
	for i, p := range ring[:len(ring)-1] {
		if math.Abs(p[0]) > 180 || math.Abs(p[1]) > 90 {
			t.Fatalf("%v is not on the map", p)
		}
		const n = 30 // straight in longitude and latitude
		q := ring[i+1]
		for k := range n {
			dec := p[1] + (q[1]-p[1])*(float64(k)+0.5)/n
			area -= (q[0] - p[0]) / n * math.Sin(dec*deg) / deg
		}
	}
	return area
}

func TestDS9(t *testing.T) {
	s := squaresAt(sky.Coord{RA: 0, Dec: 0})[:1]
	s[0].Name, s[0].Color, s[0].Dashed = "102018211", "gray", true
	var b bytes.Buffer
	if err := WriteDS9(&b, s); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	if lines[0] != "# Region file format: DS9 version 4.1" || lines[2] != "icrs" {
		t.Errorf("%q", lines[:3])
	}
	const want = "polygon(359.73333526,-0.26666185,0.26666474,-0.26666185,0.26666474,0.26666185,359.73333526,0.26666185) # text={102018211} color=gray dash=1"
	if lines[3] != want {
		t.Errorf("%s\nwant %s", lines[3], want)
	}
}
