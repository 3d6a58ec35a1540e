package simulate

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strconv"

	"github.com/cosmostat/constellation/pkg/sky"
)

// truthHeader names the columns of truth.csv: positions in degrees as they
// are, not as the catalogue has them; flux in uJy; hlr in arcsec, 0 for stars;
// e the intrinsic shape, g the shear applied to it.
var truthHeader = []string{"object_id", "tile_id", "kind", "ra", "dec", "flux", "hlr", "e1", "e2", "g1", "g2"}

// truth makes truth.csv: every row that the catalogues have, spurious ones too.
func truth(tiles []sky.Tile, sources []source) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Write(truthHeader)
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	for _, s := range sources {
		w.Write([]string{
			strconv.FormatInt(s.id, 10), strconv.FormatInt(tiles[s.tile].ID, 10), s.kind,
			number(s.sky.RA), number(s.sky.Dec), number(s.flux), number(s.hlr),
			number(s.e[0]), number(s.e[1]), number(s.g[0]), number(s.g[1]),
		})
	}
	w.Flush()
	return b.Bytes()
}

// record makes survey.json: the survey's parameters and its tiles.
func record(s Survey) ([]byte, error) {
	type tile struct {
		ID  int64   `json:"id"`
		RA  float64 `json:"ra"`
		Dec float64 `json:"dec"`
		G1  float64 `json:"g1"`
		G2  float64 `json:"g2"`
	}
	doc := struct {
		Survey
		Tiles []tile `json:"tiles"`
	}{Survey: s}
	for i, t := range s.Tiles() {
		one := tile{ID: t.ID, RA: t.Centre.RA, Dec: t.Centre.Dec}
		if len(s.Shears) > 0 {
			one.G1, one.G2 = s.Shears[i%len(s.Shears)][0], s.Shears[i%len(s.Shears)][1]
		}
		doc.Tiles = append(doc.Tiles, one)
	}
	b, err := json.MarshalIndent(doc, "", "  ")
	return append(b, '\n'), err
}
