package assemble

import (
	"errors"
	"strings"

	"github.com/cosmostat/constellation/pkg/columnar"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// hold holds the results of a sub-tile, its sources being a table's from one on, to
// what it was planned from: to its centre and core, to the methods that a
// measurement may name (none: any engine's), and to what they say of themselves.
// Whoever inferred has done the same; but results may have been put there since, or
// by somebody else.
func hold(is left, shear *results.Shear, sources *columnar.Table, from int, methods []string, configID string) error {
	s := is.sub
	m, err := manifest.ReadOutline(is.manifest)
	if err != nil {
		return on(err, manifestOf(s))
	}
	if s.Sources.URI == "" { // nobody says that there are any
		sources = nil
	}
	err = results.NewCore(s.SubTileID, sky.Coord{RA: s.RA, Dec: s.Dec}, m.Core, m.CorePolygon).Check(shear, sources, from)
	if err == nil {
		err = results.CheckMethod(*shear, methods)
	}
	if err != nil {
		return in(err, s)
	}
	return signed(is.summary, summaryOf(s), configID, m.Plan)
}

// signed holds the summary beside the results to the configuration and to what
// the sub-tile was made from. Nobody has to write one.
func signed(is *survey.Summary, uri, configID, plan string) error {
	switch {
	case is == nil:
	case is.ConfigID != "" && is.ConfigID != configID:
		return fault.Data(results.CodeCorrupt, "the results are of configuration %.12s, this is %.12s", is.ConfigID, configID).On(uri).At("config_id")
	case is.Plan != "" && plan != "" && is.Plan != plan:
		return fault.Data(results.CodeCorrupt, "the results were inferred from something else than the sub-tile is made of").On(uri).At("plan")
	}
	return nil
}

func manifestOf(s *survey.RunSubTile) string {
	return objstore.Join(s.Directory, survey.LocalManifestFile)
}

// summaryOf is the summary beside the results, wherever these lie.
func summaryOf(s *survey.RunSubTile) string {
	return strings.TrimSuffix(s.Shear.URI, objstore.Base(s.Shear.URI)) + survey.SummaryFile
}

// in names the results file that an error is about by its place.
func in(err error, s *survey.RunSubTile) error {
	var f *fault.Error
	if errors.As(err, &f) && f.Object == survey.SourcesFile {
		return results.On(err, s.Sources.URI)
	}
	return results.On(err, s.Shear.URI)
}

func on(err error, uri string) error {
	var f *fault.Error
	if errors.As(err, &f) && f.Object == "" {
		f.On(uri)
	}
	return err
}
