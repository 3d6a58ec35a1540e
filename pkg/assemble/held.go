package assemble

import (
	"context"
	"errors"
	"strings"

	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/survey"
)

// held is a plan whose results are held to it: to the sub-tile's centre and core
// sources, to the methods that a measurement may name (none: any engine's), and to
// what the results say of themselves. Whoever inferred has done the same; but
// results may have been put there since, or by somebody else.
func held(p catalog.Plan, r objstore.Reader, methods []string) catalog.Plan {
	p.Check = func(ctx context.Context, s catalog.SubTile, o survey.Outcome, shear results.Shear, sources []results.Source) error {
		text, err := objstore.ReadFile(ctx, r, objstore.Join(o.Directory, survey.LocalManifestFile))
		if err != nil {
			return err
		}
		m, err := manifest.ReadOutline(text)
		if err != nil {
			return on(err, objstore.Join(o.Directory, survey.LocalManifestFile))
		}
		err = results.Check(&manifest.Manifest{TileID: s.TileID, Row: s.Row, Col: s.Col, Centre: [2]float64{s.RA, s.Dec}, Core: m.Core, CorePolygon: m.CorePolygon},
			[]results.Shear{shear}, sources)
		if err == nil {
			err = results.CheckMethod(shear, methods)
		}
		if err != nil {
			return in(err, o)
		}
		return signed(ctx, r, o, p.ConfigID, m.Plan)
	}
	return p
}

// signed holds summary.json beside the results to the configuration and to what
// the sub-tile was made from. Nobody has to write one.
func signed(ctx context.Context, r objstore.Reader, o survey.Outcome, configID, plan string) error {
	uri := strings.TrimSuffix(o.Shear.URI, objstore.Base(o.Shear.URI)) + survey.SummaryFile
	is, err := survey.Load[survey.Summary](ctx, r, uri)
	switch {
	case objstore.IsNotFound(err), fault.KindOf(err) == fault.BadData:
		return nil // it says nothing
	case err != nil:
		return err
	case is.ConfigID != "" && is.ConfigID != configID:
		return fault.Data(results.CodeCorrupt, "the results are of configuration %.12s, this is %.12s", is.ConfigID, configID).On(uri).At("config_id")
	case is.Plan != "" && plan != "" && is.Plan != plan:
		return fault.Data(results.CodeCorrupt, "the results were inferred from something else than the sub-tile is made of").On(uri).At("plan")
	}
	return nil
}

// in names the results file that an error is about by its place.
func in(err error, o survey.Outcome) error {
	var f *fault.Error
	if errors.As(err, &f) && f.Object == survey.SourcesFile {
		return results.On(err, o.Sources.URI)
	}
	return results.On(err, o.Shear.URI)
}

func on(err error, uri string) error {
	var f *fault.Error
	if errors.As(err, &f) && f.Object == "" {
		f.On(uri)
	}
	return err
}
