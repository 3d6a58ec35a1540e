package survey

import (
	"context"
	"fmt"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
)

// CodeTileFailed is the code of a run that ends with tiles that could not be prepared.
const CodeTileFailed = "TileFailed"

// namedFailures is how many reasons an error gives.
const namedFailures = 3

// Standing is how many of a run's tiles and sub-tiles there are, and how many failed.
type Standing struct {
	Tiles, Failed            int // tiles; failed are those without a sub-tile that did not
	SubTiles, FailedSubTiles int
	Reasons                  []string // the first different ones
}

// Stand counts what the parts of a run say, one part after the other.
func Stand(ctx context.Context, r objstore.Reader, parts []string) (*Standing, error) {
	s := new(Standing)
	for _, uri := range parts {
		part, err := Load[Run](ctx, r, uri)
		if err != nil {
			return nil, err
		}
		s.Add(part)
	}
	return s, nil
}

// Add counts the tiles of a run, or of a part of one.
func (s *Standing) Add(r *Run) {
	for _, t := range r.Tiles {
		failed := 0
		for _, sub := range t.SubTiles {
			if sub.Status != StatusFailed {
				continue
			}
			failed++
			if t.Failure == "" {
				s.name(sub.SubTileID.String(), sub.Reason)
			}
		}
		s.Tiles++
		s.SubTiles += len(t.SubTiles)
		s.FailedSubTiles += failed
		if t.Failure != "" || failed > 0 && failed == len(t.SubTiles) {
			s.Failed++
		}
		if t.Failure != "" {
			s.name(fmt.Sprintf("tile %d", t.TileID), t.Failure)
		}
	}
}

func (s *Standing) name(what, why string) {
	for _, r := range s.Reasons {
		if strings.HasSuffix(r, why) {
			return
		}
	}
	if len(s.Reasons) < namedFailures {
		s.Reasons = append(s.Reasons, what+": "+why)
	}
}

// Judge is the error of a run in which more sub-tiles failed than may, or no tile
// could be prepared at all; nil where it did what it was to do.
func (s *Standing) Judge(maxFailedFraction float64) error {
	none := s.Tiles > 0 && s.Failed == s.Tiles
	if !none && !settings.Above(s.FailedSubTiles, s.SubTiles, maxFailedFraction) {
		return nil
	}
	return fault.Data(CodeTileFailed, "%d of %d tiles could not be prepared, %d of %d sub-tiles failed, a fraction of at most %g is allowed: %s",
		s.Failed, s.Tiles, s.FailedSubTiles, s.SubTiles, maxFailedFraction, strings.Join(s.Reasons, "; ")).
		Fix("mend the causes and start a new run, which makes what failed again; or change validation.max_failed_fraction")
}
