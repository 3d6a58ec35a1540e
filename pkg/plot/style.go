package plot

import (
	"math"

	"github.com/cosmostat/constellation/pkg/survey"
)

// The page's colours: one blue for exposures, which deepens with every one that
// lies over the others; warm ones for what is cut out and measured.
var (
	ink      = rgb(0x1f2933)
	grey     = rgb(0x66717e)
	paper    = rgb(0xffffff)
	exposed  = rgb(0x1c5d99)
	margin   = rgb(0xb5541c)
	core     = rgb(0xd9480f)
	lent     = rgb(0x7b8794)
	galactic = rgb(0x8a7fb8)
	ecliptic = rgb(0xb08d2f)
	covered  = rgb(0x1864ab)
)

// statusStyles are in the order of the legend.
var statusStyles = []struct {
	status, label string
	colour        Colour
}{
	{survey.StatusOK, "ok", rgb(0x2b8a3e)},
	{survey.StatusNoSources, "no sources", rgb(0xe6a700)},
	{survey.StatusNoExposures, "no exposures", rgb(0x868e96)},
	{survey.StatusFailed, "failed", rgb(0xd6232f)},
}

func statusColour(status string) Colour {
	for _, s := range statusStyles {
		if s.status == status {
			return s.colour
		}
	}
	return grey
}

// deepest is the opacity of the most exposures that lie over a place.
const deepest = 0.56

// shade is the opacity of one exposure, so that depth of them make the deepest.
func shade(depth int) float64 { return 1 - math.Pow(1-deepest, 1/float64(max(3, depth))) }

// dotRadius lets few sources be seen and many not hide the rest.
func dotRadius(sources int) float64 {
	return math.Max(0.6, math.Min(1.9, 60/math.Sqrt(float64(max(1, sources)))))
}
