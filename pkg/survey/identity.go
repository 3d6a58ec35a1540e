package survey

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
)

// CodeRunTaken is the code of a run id whose directory holds what another
// configuration made.
const CodeRunTaken = "RunTaken"

// Identity says which configuration a run's directory is of. It is written once,
// before the first product, by whoever comes first, and never changed: products
// have the same names whatever they are made from, so those of another
// configuration would take the places that records and caches name.
type Identity struct {
	ConfigID string `json:"config_id"`
	// DataID is of the part of the configuration that sub-tile directories are made
	// from; empty: whoever wrote this knew the whole alone. Sub-tiles that one
	// configuration prepared may be inferred by hand under another with the same.
	DataID string `json:"data_id,omitempty"`

	// What people tell configurations apart by.
	VISBase     string             `json:"vis_base_uri,omitempty"`
	MERBase     string             `json:"mer_base_uri,omitempty"`
	CatalogBase string             `json:"catalog_base_uri,omitempty"`
	Files       string             `json:"files,omitempty"`
	Exposures   settings.Exposures `json:"exposures,omitempty"`
	Release     settings.Release   `json:"release,omitempty"`
	Verify      settings.Verify    `json:"verify,omitempty"`
	Grid        settings.Grid      `json:"grid,omitzero"`
	Engine      settings.Engine    `json:"engine,omitempty"`
}

// NewIdentity is that of the settings that a run's stages take.
func NewIdentity(configID string, s settings.Source, t settings.Tiling, verify settings.Verify, engine settings.Engine) Identity {
	text, err := json.Marshal(struct {
		VIS, MER, Catalog string
		Exposures         settings.Exposures
		Release           settings.Release
		Verify            settings.Verify
		Tiling            settings.Tiling
		Files             string `json:",omitempty"`
	}{s.VISBase, s.MERBase, s.CatalogBase, s.Exposures, s.Release, verify, t, s.Files})
	if err != nil {
		panic("survey: a plain struct failed to encode: " + err.Error()) // strings and numbers that validate let through always encode
	}
	return Identity{ConfigID: configID, DataID: digest(text), VISBase: s.VISBase, MERBase: s.MERBase, CatalogBase: s.CatalogBase,
		Files: s.Files, Exposures: s.Exposures, Release: s.Release, Verify: verify, Grid: t.Grid, Engine: engine}
}

// LoadIdentity finds out which configuration a run's directory is of; nil where
// nothing says so. One of an older version has the run's record alone.
func LoadIdentity(ctx context.Context, r objstore.Reader, runURI string) (*Identity, error) {
	id, err := Load[Identity](ctx, r, IdentityURI(runURI))
	if !objstore.IsNotFound(err) {
		if err == nil && id.ConfigID == "" {
			err = fault.Data("DocumentInvalid", "it names no configuration").On(IdentityURI(runURI)).Fix("use another --run-id")
		}
		return id, err
	}
	run, err := Load[Run](ctx, r, RunURI(runURI))
	switch {
	case objstore.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	case run.ConfigID == "":
		return nil, nil
	}
	return &Identity{ConfigID: run.ConfigID}, nil
}

// Claim makes a run's directory this configuration's, and fails where it is
// another's. Of two that try at once, one does.
func (i Identity) Claim(ctx context.Context, store objstore.Store, runURI string) error {
	if is, err := LoadIdentity(ctx, store, runURI); err != nil || is != nil {
		return i.holds(is, runURI, err)
	}
	text, err := encode(i)
	if err == nil {
		_, err = objstore.WriteNew(ctx, store, IdentityURI(runURI), text)
	}
	if err != nil {
		return fmt.Errorf("say whose the run is: %w", err)
	}
	return i.Check(ctx, store, runURI)
}

// Check fails where a run's directory is another configuration's.
func (i Identity) Check(ctx context.Context, r objstore.Reader, runURI string) error {
	is, err := LoadIdentity(ctx, r, runURI)
	return i.holds(is, runURI, err)
}

// CheckData fails where a run's directory was prepared from other data, or in
// another way. How sub-tiles are inferred does not matter.
func (i Identity) CheckData(ctx context.Context, r objstore.Reader, runURI string) error {
	is, err := LoadIdentity(ctx, r, runURI)
	if err == nil && (is == nil || is.DataID == "" || is.DataID == i.DataID) {
		return nil
	}
	return i.holds(is, runURI, err)
}

// CheckRecord fails where the run's record says that the run, under the
// configuration that it is of, measured sub-tiles, and this is another: the record
// names what is in the catalogue.
func (i Identity) CheckRecord(ctx context.Context, r objstore.Reader, runURI string) error {
	is, err := LoadIdentity(ctx, r, runURI)
	if err != nil || is == nil || is.ConfigID == i.ConfigID {
		return err
	}
	run, err := LoadRun(ctx, r, RunURI(runURI))
	if objstore.IsNotFound(err) {
		return nil
	}
	if err == nil && (run.ConfigID != is.ConfigID || run.Counts()[StatusOK] == 0) {
		return nil
	}
	return i.holds(is, runURI, err)
}

// CheckResults fails where a sub-tile's directory holds what the run, under the
// configuration that it is of, measured there, and this is another: records and
// caches name that.
func (i Identity) CheckResults(ctx context.Context, r objstore.Reader, runURI, dir string) error {
	is, err := LoadIdentity(ctx, r, runURI)
	if err != nil || is == nil || is.ConfigID == i.ConfigID {
		return err
	}
	made, err := LoadSummary(ctx, r, dir)
	if objstore.IsNotFound(err) || fault.KindOf(err) == fault.BadData || err == nil && made.ConfigID != is.ConfigID {
		return nil
	}
	return i.holds(is, runURI, err)
}

// Summary is what a sub-tile's summary.json says of whose the results beside it are.
type Summary struct {
	ConfigID string `json:"config_id"` // empty: the one under which the sub-tile was prepared
	Plan     string `json:"plan"`      // key of what the sub-tile was made from; empty: nobody knows
}

// LoadSummary reads what the results of a sub-tile say of themselves.
func LoadSummary(ctx context.Context, r objstore.Reader, dir string) (*Summary, error) {
	return Load[Summary](ctx, r, ResultsURI(dir, SummaryFile))
}

func (i Identity) holds(is *Identity, runURI string, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("look whose the run is: %w", err)
	case is == nil || is.ConfigID == i.ConfigID:
		return nil
	}
	return fault.Input(CodeRunTaken, "the run holds what another configuration made: %s", i.unlike(is)).On(runURI).
		Fix("use another --run-id, or the configuration that made it; or remove the directory first")
}

// unlike says in what two configurations differ, as far as their identities tell.
func (i Identity) unlike(is *Identity) string {
	var differ []string
	for _, d := range []struct {
		key       string
		there, is any
	}{
		{"data.vis_base_uri", is.VISBase, i.VISBase}, {"data.mer_base_uri", is.MERBase, i.MERBase}, {"data.catalog_base_uri", is.CatalogBase, i.CatalogBase},
		{"data.files", is.Files, i.Files}, {"data.exposures", is.Exposures, i.Exposures}, {"data.release", is.Release, i.Release}, {"data.verify", is.Verify, i.Verify}, {"tiling.sub_tile_grid", is.Grid.Shape, i.Grid.Shape},
		{"tiling.sub_tile_margin_arcmin", is.Grid.MarginArcmin, i.Grid.MarginArcmin}, {"tiling.mer_tile_size_arcmin", is.Grid.TileArcmin, i.Grid.TileArcmin},
		{"tiling.mer_core_size_arcmin", is.Grid.CoreArcmin, i.Grid.CoreArcmin}, {"engine", is.Engine, i.Engine},
	} {
		if d.there != d.is {
			differ = append(differ, fmt.Sprintf("its %s is %v, here it is %v", d.key, d.there, d.is))
		}
	}
	if len(differ) == 0 || is.DataID == "" || i.DataID == "" {
		return fmt.Sprintf("its config_id is %.12s, this one's %.12s", is.ConfigID, i.ConfigID)
	}
	return strings.Join(differ, "; ")
}
