package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cosmostat/constellation/pkg/fault"
)

// SHINE uses a source in an exposure where its whole stamp lies on pixels, and
// its smallest stamp is this large. So a source at the edge of a core needs
// half a stamp of pixels beyond it, and that is the smallest margin.
const (
	smallestStamp = 64  // pixels
	pixelArcsec   = 0.1 // VIS

	// MinMarginArcmin is the smallest margin of a sub-tile: 3.2".
	MinMarginArcmin = smallestStamp * pixelArcsec / 2 / 60
)

// validate refuses what can't work, at the place where it was written.
func (l *loader) validate(c *Config) error {
	if c.MockShine {
		if at, set := l.places["engine"]; set && c.Engine != "mock" {
			return l.errorAt(at, "engine: %s contradicts mock_shine: true (keep one of them)", c.Engine)
		}
		c.Engine = "mock"
	}
	if c.Region.Given() && len(c.TileIDs.List) > 0 {
		return l.at("region", "region and a list of tile_ids exclude each other (keep one of them; tile_ids: all goes with a region)")
	}
	for _, check := range []struct {
		key   string
		wrong bool
		say   string
	}{
		{"field_name", !plainName(c.FieldName), "must be letters, digits, '-' and '_'; it becomes part of paths"},
		{"tiling.source", !slices.Contains([]string{"mer_mosaic", "mer_catalog", "tile_table"}, c.Tiling.Source), "must be mer_mosaic, mer_catalog or tile_table"},
		{"tiling.tile_table", c.Tiling.Source == "tile_table" && c.Tiling.TileTable == "", "must name a table, since tiling.source is tile_table"},
		{"tiling.sub_tile_grid", c.Tiling.Grid[0] < 1 || c.Tiling.Grid[1] < 1 || c.Tiling.Grid[0] > 64 || c.Tiling.Grid[1] > 64, "must be rows and columns between 1 and 64"},
		{"tiling.sub_tile_margin_arcmin", !(c.Tiling.MarginArcmin >= MinMarginArcmin && c.Tiling.MarginArcmin <= 60), fmt.Sprintf("must be between 0.0534 (%.1f\") and 60: a source at the edge of a core needs half of SHINE's smallest stamp (%d px of %g\") beyond it", MinMarginArcmin*60, smallestStamp, pixelArcsec)},
		{"tiling.mer_tile_size_arcmin", !(c.Tiling.TileArcmin > 0 && c.Tiling.TileArcmin <= 300), "must be above 0 and at most 300"},
		{"tiling.mer_core_size_arcmin", !(c.Tiling.CoreArcmin > 0 && c.Tiling.CoreArcmin <= c.Tiling.TileArcmin), "must be above 0 and at most mer_tile_size_arcmin"},
		{"data.exposures", !slices.Contains([]string{"nominal", "short", "all"}, c.Data.Exposures), "must be nominal, short or all"},
		{"data.files_per_task", c.Data.FilesPerTask < 1, "must be at least 1"},
		{"output.catalog_namespace", !plainName(c.Output.Namespace), "must be letters, digits and '_'"},
		{"output.catalog_table", c.Output.Table != "" && !plainName(c.Output.Table), "must be letters, digits and '_'"},
		{"output.retention", c.Output.Retention != "keep" && c.Output.Retention != "drop_pixels", "must be keep or drop_pixels"},
		{"output.copy", !slices.Contains([]string{"stream", "server", "auto"}, c.Output.Copy), "must be stream, server or auto"},
		{"output.storage_class", !readableClass(c.Output.StorageClass), "must be empty or one of " + strings.Join(readableClasses, ", ") + ": what inference can read at once"},
		{"engine", !slices.Contains([]string{"shine", "reference", "mock"}, c.Engine), "must be shine, reference or mock"},
		{"shine.command", len(c.Shine.Command) == 0 || c.Shine.Command[0] == "", "must name a program"},
		{"shine.timeout", c.Timeout() <= 0, "must be a time such as 2h or 90m"},
		{"shine.accelerator_memory_gb", !(c.Shine.AcceleratorMemoryGB >= 0), "must not be negative"},
		{"quadrant_concurrency", c.QuadrantConcurrency < 1, "must be at least 1"},
		{"max_parallelism", c.MaxParallelism < 1, "must be at least 1"},
		{"max_tiles_per_dynamic", c.MaxTilesPerDynamic < 1, "must be at least 1"},
		{"campaign.tiles", c.Campaign.Tiles < 1, "must be at least 1"},
		{"campaign.lease_expiry", c.Campaign.Expiry() < time.Minute, "must be a time of a minute or more, such as 48h"},
		{"campaign.max_attempts", c.Campaign.MaxAttempts < 1, "must be at least 1"},
		{"validation.min_completeness", !(c.Validation.MinCompleteness >= 0 && c.Validation.MinCompleteness <= 1), "must be between 0 and 1"},
		{"validation.max_failed_fraction", !(c.Validation.MaxFailedFraction >= 0 && c.Validation.MaxFailedFraction <= 1), "must be between 0 and 1"},
	} {
		if check.wrong {
			return l.at(check.key, "%s %s", check.key, check.say)
		}
	}
	for key, uri := range map[string]*string{"data.vis_base_uri": &c.Data.VISBase, "data.mer_base_uri": &c.Data.MERBase, "data.catalog_base_uri": &c.Data.CatalogBase} {
		if *uri == "" {
			return l.at(key, "%s is empty (give a prefix such as s3://bucket/path/)", key)
		}
		*uri = strings.TrimRight(*uri, "/") + "/"
	}
	c.Output.StorageBase = strings.TrimRight(c.Output.StorageBase, "/")
	if c.Output.Table == "" {
		c.Output.Table = strings.ToLower(strings.ReplaceAll(c.FieldName, "-", "_")) + "_shear"
	}
	return nil
}

// at complains at the place of a key, or at the nearest section that was
// written where the key itself was left at its default.
func (l *loader) at(key, format string, a ...any) error {
	for path := key; path != ""; {
		if node, ok := l.places[path]; ok {
			return l.errorAt(node, format, a...)
		}
		cut := strings.LastIndex(path, ".")
		if cut < 0 {
			break
		}
		path = path[:cut]
	}
	return fault.Input(codeInvalid, format, a...).On(l.name).Fix("add the key %s", key)
}

// Timeout is the time limit of one sub-tile, or 0 where it is not one.
func (c *Config) Timeout() time.Duration {
	d, err := time.ParseDuration(c.Shine.Timeout)
	if err != nil {
		return 0
	}
	return d
}

// readableClasses are S3's storage classes that need no thawing before a read.
var readableClasses = []string{"STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "REDUCED_REDUNDANCY", "EXPRESS_ONEZONE"}

func readableClass(class string) bool { return class == "" || slices.Contains(readableClasses, class) }

// plainName says whether a name can be part of paths and identifiers.
func plainName(s string) bool {
	for _, r := range s {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-') {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

// String shows a grid as people write it.
func (g Grid) String() string { return fmt.Sprintf("[%d, %d]", g[0], g[1]) }
