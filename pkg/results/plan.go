package results

import (
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/cosmostat/constellation/pkg/bounds"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

const (
	// offCentre is how far, in degrees, a row's position may be from the sub-tile's centre.
	offCentre = 1. / 3600
	// rounded is how far off a position is, in degrees, that was a float32 on its way.
	rounded = 2.5e-5
)

// CheckCentre holds a shear row's position to the sub-tile's centre.
func CheckCentre(s Shear, centre sky.Coord) error {
	if is := (sky.Coord{RA: s.RA, Dec: s.Dec}); !(sky.Separation(is, centre) <= offCentre) { // also where it is not a number
		return invalid(survey.ShearFile, "the sub-tile's centre is (%.6f, %.6f) degrees, the row's is (%.6f, %.6f)", centre.RA, centre.Dec, is.RA, is.Dec).
			At("columns RA and DEC, row 0").Fix("the engine must write the manifest's centre")
	}
	return nil
}

// CheckMethod holds the method of a measurement to what an engine may say.
func CheckMethod(s Shear, may []string) error {
	if len(may) == 0 { // nobody says which engine it was
		may = append([]string{string(settings.EngineMock), string(settings.EngineReference)}, methods...)
	}
	if slices.Contains(may, s.Method) || s.Method == "" && s.Status != survey.StatusOK {
		return nil
	}
	return invalid(survey.ShearFile, "is %q, the configuration's engine and inference.method give %s", s.Method, strings.Join(may, ", ")).
		At("column METHOD, row 0").Fix("the engine must write the method that it was asked for")
}

// methods are those of SHINE.
var methods = []string{"map", "vi", "nuts"}

// Methods are what METHOD may be in results of an engine, which was asked with
// the text of the configuration's section inference; none: nobody says which engine.
func Methods(engine settings.Engine, inference string) []string {
	switch engine {
	case "":
		return nil
	case settings.EngineMock, settings.EngineReference:
		return []string{string(engine)}
	}
	var asked struct {
		Inference struct {
			Method string `yaml:"method"`
		} `yaml:"inference"`
	}
	if bounds.CopiedYAML([]byte(inference)) != nil || yaml.Unmarshal([]byte(inference), &asked) != nil || asked.Inference.Method == "" {
		return methods // SHINE has its own default, and reads the section by itself
	}
	return []string{strings.ToLower(asked.Inference.Method)}
}
