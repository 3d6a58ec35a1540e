package bombs

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/bounds"
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

func fill[T any](n int, is func(i int) T) []T {
	all := make([]T, n)
	for i := range all {
		all[i] = is(i)
	}
	return all
}

// TestSurveys: three times what the whole survey has is within the bounds, as
// documents are written and without a space.
func TestSurveys(t *testing.T) {
	const more, tiles, exposures, subTiles = 3, 60_000, 40_000, 16
	file := func(i int) euclid.File {
		return euclid.File{URI: fmt.Sprintf("s3://b/%06d/EUC_VIS_SWL-DET-%06d-00-1.fits", i, i), Size: 1 << 30, ETag: `"0123456789abcdef0123456789abcdef"`}
	}
	id := func(i int) euclid.ExposureID {
		return euclid.ExposureID{Obs: fmt.Sprintf("%06d", i), Dither: "00", Number: "1"}
	}
	exposure := func(i int) euclid.Exposure {
		return euclid.Exposure{ExposureID: id(i), DET: file(i), BKG: file(i), WGT: file(i)}
	}
	tile := func(i int) euclid.MERTile {
		return euclid.MERTile{ID: int64(102_000_000 + i), Centre: sky.Coord{RA: float64(i) / 170, Dec: -float64(i) / 700}, Mosaic: file(i), Catalogs: []euclid.File{file(i)}}
	}
	number := func(i int) int64 { return int64(102_000_000 + i) }
	sub := func(i int) survey.RunSubTile {
		return survey.RunSubTile{RA: float64(i) / 170, Dec: -28, Outcome: survey.Outcome{Status: survey.StatusOK, Directory: "tiles/102018211/0_1"}}
	}
	run := func(i int) survey.RunTile {
		return survey.RunTile{TileID: number(i), Plan: strings.Repeat("a", 64), SubTiles: fill(subTiles, sub)}
	}
	why := func(i int) string {
		return fmt.Sprintf("s3://b/%06d/EUC_VIS_SWL-DET-%06d-00-1.fits: there is no WGT", i, i)
	}
	for name, document := range map[string]any{
		"tiles":    survey.Tiles{Wanted: fill(more*tiles, number), Tiles: fill(more*tiles, tile)},
		"run":      survey.Run{Tiles: fill(tiles/6, run)}, // 26 MB of them, or 160 of all
		"left out": survey.Run{Listed: survey.Listed{LeftOut: fill(more*tiles, why), Missing: fill(more*exposures, why)}},
		"plan": survey.Plan{Batches: fill(more*exposures, func(i int) survey.BatchRef {
			return survey.BatchRef{SHA256: strings.Repeat("a", 64), First: id(i), Last: id(i), Exposures: 1}
		})},
		"batch":    survey.Batch{Exposures: fill(more*exposures/8, exposure)},
		"a tile's": survey.TilePlan{Exposures: fill(more*1000, exposure), Neighbours: fill(more*8, tile)},
	} {
		for form, write := range map[string]func(any) ([]byte, error){
			"as written": func(v any) ([]byte, error) { return json.MarshalIndent(v, "", " ") },
			"terse":      json.Marshal,
		} {
			text, err := write(document)
			if err == nil {
				err = bounds.Unmarshal(text, reflect.New(reflect.TypeOf(document)).Interface())
			}
			if err != nil {
				t.Errorf("%s, %s, %d kB: %v", name, form, len(text)>>10, err)
			}
		}
	}
	snapshot := `{"snapshot-id":%d,"timestamp-ms":1700000000000,"manifest-list":"s3://w/shear/metadata/snap-%d.avro","summary":{"operation":"append","added-records":"4"}}`
	var b strings.Builder
	for i := range 3 * tiles {
		fmt.Fprintf(&b, snapshot+",", i, i)
	}
	if err := bounds.JSONOf([]byte("["+b.String()+"{}]"), 256); err != nil {
		t.Error(err)
	}
}
