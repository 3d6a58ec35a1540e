package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/settings"
)

// SHINE uses a source in an exposure where its whole stamp lies on pixels, and
// its smallest stamp is this large. So a source at the edge of a core needs
// half a stamp of pixels beyond it, and that is the smallest margin.
const (
	smallestStamp = 64  // pixels
	largestStamp  = 256 // likewise; in those that are larger than a margin allows, a source isn't used
	pixelArcsec   = 0.1 // VIS

	// MinMarginArcmin is the smallest margin of a sub-tile: 3.2".
	MinMarginArcmin = smallestStamp * pixelArcsec / 2 / 60
	// AllMarginArcmin is the smallest one that is enough for every source: 12.8".
	AllMarginArcmin = largestStamp * pixelArcsec / 2 / 60
)

// check is something that a configuration is held to.
type check struct {
	key   string
	wrong bool
	say   string
	with  string // the other key that it is about
}

// oneOf holds a key to the values of its type.
func oneOf[E settings.Enum](key string, value E) check {
	return check{key: key, wrong: !settings.Known(value), say: "must be " + settings.Choices[E]()}
}

// validate refuses what can't work, at the place where it was written.
func (l *loader) validate(c *Config) error {
	if c.MockShine {
		if _, set := l.places["engine"]; set && c.Engine != settings.EngineMock {
			return l.refuse("engine", "mock_shine", "engine: %s contradicts mock_shine: true (keep one of them)", c.Engine)
		}
		c.Engine = settings.EngineMock
	}
	if c.Region.Given() && len(c.TileIDs.List) > 0 {
		return l.refuse("region", "tile_ids", "region and a list of tile_ids exclude each other (keep one of them; tile_ids: all goes with a region)")
	}
	for _, check := range []check{
		{key: "field_name", wrong: !plainName(c.FieldName), say: "must be letters, digits, '-' and '_'; it becomes part of paths"},
		oneOf("tiling.source", c.Tiling.Source),
		{key: "tiling.tile_table", wrong: c.Tiling.Source == settings.FromTable && c.Tiling.TileTable == "", say: "must name a table, since tiling.source is tile_table", with: "tiling.source"},
		{key: "tiling.sub_tile_grid", wrong: min(c.Tiling.Rows, c.Tiling.Cols) < 1 || max(c.Tiling.Rows, c.Tiling.Cols) > 64, say: fmt.Sprintf("must be rows and columns from 1 to 64, such as [4, 4], not %s", c.Tiling.Shape)},
		{key: "tiling.sub_tile_margin_arcmin", wrong: !(c.Tiling.MarginArcmin >= MinMarginArcmin && c.Tiling.MarginArcmin <= 60), say: fmt.Sprintf("must be between 0.0534 (%.1f\") and 60: a source at the edge of a core needs half of SHINE's smallest stamp (%d px of %g\") beyond it", MinMarginArcmin*60, smallestStamp, pixelArcsec)},
		{key: "tiling.mer_tile_size_arcmin", wrong: !(c.Tiling.TileArcmin > 0 && c.Tiling.TileArcmin <= 300), say: "must be above 0 and at most 300"},
		{key: "tiling.mer_core_size_arcmin", wrong: !(c.Tiling.CoreArcmin > 0 && c.Tiling.CoreArcmin <= c.Tiling.TileArcmin), say: "must be above 0 and at most mer_tile_size_arcmin", with: "tiling.mer_tile_size_arcmin"},
		oneOf("data.exposures", c.Data.Exposures),
		{key: "data.release", wrong: !c.Data.Release.Valid(), say: "must be newest, or a release as MER names end in, such as 00.00"},
		oneOf("data.verify", c.Data.Verify),
		oneOf("data.s3_addressing", c.Data.Addressing),
		{key: "data.files_per_task", wrong: c.Data.FilesPerTask < 1, say: "must be at least 1"},
		{key: "output.catalog_namespace", wrong: !plainName(c.Output.Namespace), say: "must be letters, digits and '_'"},
		{key: "output.catalog_table", wrong: c.Output.Table != "" && !plainName(c.Output.Table), say: "must be letters, digits and '_'"},
		oneOf("output.format", c.Output.Format),
		oneOf("output.retention", c.Output.Retention),
		oneOf("output.copy", c.Output.Copy),
		{key: "output.storage_class", wrong: c.Output.StorageClass != "" && !settings.Known(c.Output.StorageClass), say: "must be empty or one of " + strings.Join(c.Output.StorageClass.FlyteEnum(), ", ") + ": what inference can read at once"},
		oneOf("engine", c.Engine),
		{key: "shine.command", wrong: len(c.Shine.Command) == 0 || c.Shine.Command[0] == "", say: "must name a program"},
		{key: "shine.timeout", wrong: c.Timeout() <= 0, say: "must be a time such as 2h or 90m"},
		{key: "shine.accelerator_memory_gb", wrong: !(c.Shine.AcceleratorMemoryGB >= 0), say: "must not be negative"},
		oneOf("compute.backend", c.Compute.Backend),
		{key: "compute.gpu_type", wrong: c.Compute.GPUType != "" && !plainName(c.Compute.GPUType), say: "must be the name of a device, such as L4"},
		{key: "compute.max_concurrency", wrong: c.Compute.MaxConcurrency < 0, say: "must not be negative"},
		{key: "quadrant_concurrency", wrong: c.QuadrantConcurrency < 1, say: "must be at least 1"},
		{key: "max_parallelism", wrong: c.MaxParallelism < 1, say: "must be at least 1"},
		{key: "max_tiles_per_dynamic", wrong: c.MaxTilesPerDynamic < 1, say: "must be at least 1"},
		{key: "campaign.tiles", wrong: c.Campaign.Tiles < 1, say: "must be at least 1"},
		{key: "campaign.lease_expiry", wrong: c.Campaign.Expiry() < time.Minute, say: "must be a time of a minute or more, such as 48h"},
		{key: "campaign.max_attempts", wrong: c.Campaign.MaxAttempts < 1, say: "must be at least 1"},
		{key: "validation.min_completeness", wrong: !(c.Validation.MinCompleteness >= 0 && c.Validation.MinCompleteness <= 1), say: "must be between 0 and 1"},
		{key: "validation.max_outside_fraction", wrong: !(c.Validation.MaxOutsideFraction >= 0 && c.Validation.MaxOutsideFraction <= 1), say: "must be between 0 and 1"},
		{key: "validation.max_failed_fraction", wrong: !(c.Validation.MaxFailedFraction >= 0 && c.Validation.MaxFailedFraction <= 1), say: "must be between 0 and 1"},
	} {
		if check.wrong {
			return l.refuse(check.key, check.with, "%s %s", check.key, check.say)
		}
	}
	if err := l.validatePlaces(c); err != nil {
		return err
	}
	if err := l.together(c); err != nil {
		return err
	}
	if m := c.Tiling.MarginArcmin; m < AllMarginArcmin {
		l.warnings = append(l.warnings, fmt.Sprintf("%s: %s is %.4g (%.3g\"), below 0.2134 (%.1f\"), half of SHINE's largest stamp (%d px): sources near the edge of a core that need a larger stamp than fits lack exposures",
			l.where("tiling.sub_tile_margin_arcmin"), "tiling.sub_tile_margin_arcmin", m, m*60, AllMarginArcmin*60, largestStamp))
	}
	if err := l.sources(c); err != nil {
		return err
	}
	c.Output.StorageBase = strings.TrimRight(c.Output.StorageBase, "/")
	if c.Output.Table == "" {
		c.Output.Table = strings.ToLower(strings.ReplaceAll(c.FieldName, "-", "_")) + "_shear"
	}
	return nil
}

// sources brings the prefixes of the sources into the form in which they are
// compared. With a file list there are none.
func (l *loader) sources(c *Config) error {
	prefixes := map[string]*string{"data.vis_base_uri": &c.Data.VISBase, "data.mer_base_uri": &c.Data.MERBase, "data.catalog_base_uri": &c.Data.CatalogBase}
	for _, key := range slices.Sorted(maps.Keys(prefixes)) {
		uri := prefixes[key]
		_, given := l.places[key]
		switch {
		case c.Data.Files != "" && given && *uri != "":
			return l.refuse(key, "data.files", "%s and data.files exclude each other: a file list says where all files are (leave one of them out)", key)
		case c.Data.Files != "":
			*uri = ""
		case *uri == "":
			return l.refuse(key, "", "%s is empty (give a prefix such as s3://bucket/path/)", key)
		default:
			*uri = strings.TrimRight(*uri, "/") + "/"
		}
	}
	return nil
}

// refuse complains at the place of a key, or of the other key that the
// complaint is about where that was laid over it, or at the nearest section
// that was written where the key itself was left at its default.
func (l *loader) refuse(key, with, format string, a ...any) *fault.Error {
	at, found := l.nearest(key)
	if other, ok := l.places[with]; ok && other.in.number > at.in.number {
		at, found = other, true
	}
	if found {
		return at.in.errorAt(at.node, format, a...)
	}
	return fault.Input(codeInvalid, format, a...).On(l.name).Fix("add the key %s", key)
}

// where is the place of a key as a warning has it.
func (l *loader) where(key string) string {
	at, found := l.nearest(key)
	switch {
	case !found:
		return l.name
	case at.in.overlay:
		return at.in.name
	}
	return fmt.Sprintf("%s:%d:%d", at.in.name, at.node.Line, at.node.Column)
}

func (l *loader) nearest(key string) (place, bool) {
	for {
		if at, ok := l.places[key]; ok {
			return at, true
		}
		cut := strings.LastIndex(key, ".")
		if cut < 0 {
			return place{}, false
		}
		key = key[:cut]
	}
}

// Timeout is the time limit of one sub-tile, or 0 where it is not one.
func (c *Config) Timeout() time.Duration {
	d, err := time.ParseDuration(c.Shine.Timeout)
	if err != nil {
		return 0
	}
	return d
}

// plainName says whether a name can be part of paths and identifiers.
func plainName(s string) bool {
	for _, r := range s {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-') {
			return false
		}
	}
	return s != "" && len(s) <= 64
}
