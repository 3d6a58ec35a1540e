package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/invopop/jsonschema"
)

// ID is the SHA-256 of what can change a result: the sources, the tiling, the
// choice of exposures, the engine and what is passed to it. Where products go,
// how many things run at once and which tiles are asked for don't count.
func (c *Config) ID() string {
	text, err := json.Marshal(struct {
		VIS, MER, Catalog, Exposures string
		Tiling                       Tiling
		Engine                       string
		Inference, GAL               Section
	}{c.Data.VISBase, c.Data.MERBase, c.Data.CatalogBase, c.Data.Exposures, c.Tiling, c.Engine, c.Inference, c.GAL})
	if err != nil {
		panic("config: a plain struct failed to encode: " + err.Error()) // strings and numbers that validate let through always encode
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Schema is the JSON Schema of the file, for editors.
func Schema() ([]byte, error) {
	r := &jsonschema.Reflector{FieldNameTag: "yaml", DoNotReference: true, RequiredFromJSONSchemaTags: true}
	s := r.Reflect(Default())
	s.ID = "https://github.com/cosmostat/constellation/configs/schema.json"
	s.Title = "constellation configuration"
	return json.MarshalIndent(s, "", "  ")
}
