package assemble

import (
	"context"
	"testing"

	"github.com/cosmostat/constellation/pkg/survey"
)

// TestAheadGivesItsRoomBack: what is learnt of files while they are read, or that
// they are of no use, changes what is known of their sizes. The room that was taken
// for them is given back all the same: more of them come than there is room for.
func TestAheadGivesItsRoomBack(t *testing.T) {
	for name, learn := range map[string]func(*survey.RunSubTile){
		"smaller than taken for": func(s *survey.RunSubTile) { s.Shear.Size, s.Sources.Size = 1, 1 },
		"lost":                   func(s *survey.RunSubTile) { s.Outcome = survey.Outcome{SubTileID: s.SubTileID} },
		"larger than taken for":  func(s *survey.RunSubTile) { s.Sources.Size = bytesAhead },
	} {
		t.Run(name, func(t *testing.T) {
			var subs []*survey.RunSubTile
			for range 4 * bytesAhead / unknownSize {
				s := new(survey.RunSubTile)
				s.Shear.URI, s.Sources.URI = "shear.parquet", "sources.parquet"
				subs = append(subs, s)
			}
			n := 0
			for is := range ahead(t.Context(), subs, func(_ context.Context, s *survey.RunSubTile) left { return left{sub: s} }) {
				if is.err != nil {
					t.Fatal(is.err)
				}
				n++
				learn(is.sub)
			}
			if n != len(subs) {
				t.Errorf("%d of %d came", n, len(subs))
			}
		})
	}
}
