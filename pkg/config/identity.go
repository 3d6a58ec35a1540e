package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"reflect"

	"github.com/invopop/jsonschema"

	"github.com/cosmostat/constellation/pkg/settings"
)

// ID is the SHA-256 of what can change a result: the sources, the tiling, the
// choice of exposures and of the release, whether those are used that fail their checksums, the engine and what is passed to it; for engine shine
// its command too, as another command is another model. Where products go, how
// many things run at once and which tiles are asked for don't count, and nor
// does the sources' endpoint, deliberately: mirrors hold the same data under the
// same names, and the demo's port changes from run to run.
func (c *Config) ID() string {
	var command []string
	if c.Engine == settings.EngineShine {
		command = c.Shine.Command
	}
	verify, release := c.Data.Verify, string(c.Data.Release)
	if verify == settings.VerifyStrict { // which ids had before there was a choice
		verify = ""
	}
	if c.Data.Release == settings.Newest { // the first run that asks for it settles which that is: see survey.HoldRelease
		release = ""
	}
	text, err := json.Marshal(struct {
		VIS, MER, Catalog string
		Exposures         settings.Exposures
		Tiling            tiling
		Engine            settings.Engine
		Inference, GAL    Section
		Command           []string        `json:",omitempty"`
		Verify            settings.Verify `json:",omitempty"`
		Release           string          `json:",omitempty"`
		Files             string          `json:",omitempty"`
	}{c.Data.VISBase, c.Data.MERBase, c.Data.CatalogBase, c.Data.Exposures, tilingOf(c.Tiling), c.Engine, c.Inference, c.GAL, command, verify, release, c.Data.Files})
	if err != nil {
		panic("config: a plain struct failed to encode: " + err.Error()) // strings and numbers that validate let through always encode
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// tiling is how an id has it, whatever the settings are called by now.
type tiling struct {
	Source       settings.TileSource `json:"source"`
	TileTable    string              `json:"tile_table"`
	Shape        [2]int              `json:"sub_tile_grid"`
	MarginArcmin float64             `json:"margin_arcmin"`
	TileArcmin   float64             `json:"tile_arcmin"`
	CoreArcmin   float64             `json:"core_arcmin"`
}

func tilingOf(t settings.Tiling) tiling {
	return tiling{t.Source, t.TileTable, [2]int{t.Rows, t.Cols}, t.MarginArcmin, t.TileArcmin, t.CoreArcmin}
}

// Schema is the JSON Schema of the file, for editors. Older keys are deprecated there.
func Schema() ([]byte, error) {
	r := &jsonschema.Reflector{FieldNameTag: "yaml", DoNotReference: true, RequiredFromJSONSchemaTags: true, Mapper: schemaOf}
	s := r.Reflect(Default())
	addOlder(s)
	s.ID = "https://github.com/cosmostat/constellation/configs/schema.json"
	s.Title = "constellation configuration"
	return json.MarshalIndent(s, "", "  ")
}

// schemaOf describes types to editors that are written in a form of their own.
func schemaOf(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[settings.Region]():
		return regionSchema()
	case reflect.TypeFor[settings.Release]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Const: string(settings.Newest)}, {Type: "string", Pattern: `^[0-9]+\.[0-9]+$`}, {Type: "number", Minimum: "0"}}}
	case reflect.TypeFor[settings.Shape]():
		two := uint64(2)
		return &jsonschema.Schema{Type: "array", Items: &jsonschema.Schema{Type: "integer"}, MinItems: &two, MaxItems: &two}
	}
	e, ok := reflect.Zero(t).Interface().(interface{ FlyteEnum() []string })
	if !ok {
		return nil
	}
	s := &jsonschema.Schema{Type: "string"}
	if t == reflect.TypeFor[settings.StorageClass]() {
		s.Enum = append(s.Enum, "") // the bucket's default
	}
	for _, value := range e.FlyteEnum() {
		s.Enum = append(s.Enum, value)
	}
	return s
}
