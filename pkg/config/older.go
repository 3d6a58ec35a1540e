package config

import (
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"
	"go.yaml.in/yaml/v4"
)

// olderKey is a key of earlier files, or of the document that specified the
// survey, which is still accepted.
type olderKey struct {
	today string // the key that has its value and its unit today; empty: none does
	say   string // ends its warning
}

// older are such keys by where they stood.
var older = map[string]olderKey{
	"mock_shine":             {say: "is an older name of engine: mock"},
	"tiling.tile_ids":        {today: "tile_ids"},
	"tiling.sub_tile_margin": {today: "tiling.sub_tile_margin_arcmin"},
	"data.exposure_archive":  {today: "data.vis_base_uri"},
	"data.catalog_archive":   {today: "data.mer_base_uri"},
	"data.scratch_dir":       {today: "output.storage_base_uri"},
	"output.catalog_uri":     {today: "output.catalog_warehouse", say: "holds a place, as in older files, which is output.catalog_warehouse today (a warehouse in an object store needs a catalogue that points at it, in catalog_uri, before a run can end there)"},
	"output.extraction_dir":  {say: "is an older key and is ignored: sub-tiles are written to output.storage_base_uri at once"},
	"output.manifest_dir":    {say: "is an older key and is ignored: manifests lie in the sub-tiles' directories, below output.storage_base_uri"},
	"extraction_dir":         {say: "is an older key and is ignored: sub-tiles are written to output.storage_base_uri at once"},
	"manifest_dir":           {say: "is an older key and is ignored: manifests lie in the sub-tiles' directories, below output.storage_base_uri"},
	"result_dir":             {say: "is an older key and is ignored: results lie in the sub-tiles' directories, below output.storage_base_uri"},
}

func (o olderKey) warning() string {
	if o.say != "" {
		return o.say
	}
	return "is an older name of " + o.today
}

type olderEntry struct {
	path string
	entry
}

// isOlder says whether an entry is to be left to [loader.takeOlder]. Two keys
// are today's as well: catalog_uri is an older one by what it holds, and
// mock_shine is read where it stands.
func (l *loader) isOlder(key string, e entry) bool {
	switch key {
	case "mock_shine":
		l.older = append(l.older, olderEntry{key, e})
		return false
	case "output.catalog_uri":
		uri, ok := text(e.value)
		return ok && isPlace(uri)
	}
	_, is := older[key]
	return is
}

// isPlace tells a directory or a prefix from a catalogue's URI. A file of
// SQLite's is neither: it lacks its sqlite:// and is refused by that.
func isPlace(uri string) bool {
	if slices.Contains([]string{".db", ".sqlite", ".sqlite3"}, path.Ext(uri)) {
		return false
	}
	if scheme, _, isURI := strings.Cut(uri, "://"); isURI {
		return isStore(scheme)
	}
	return uri != "" && !strings.ContainsAny(uri, ":@")
}

func isRemote(place string) bool {
	return strings.Contains(place, "://") && !strings.HasPrefix(place, "file://")
}

// takeOlder warns of a document's older keys and sets today's to what they
// say. A document that says two things of one is refused.
func (l *loader) takeOlder(c *Config) error {
	for _, o := range l.older {
		l.warn(o.path, o.key)
		today := older[o.path].today
		if today == "" {
			continue
		}
		field := fieldAt(c, today)
		value := reflect.New(field.Type()).Elem()
		if err := decode(value, o.value, isOptional(today)); err != nil {
			return l.at.wrong(o.path, field.Type(), o.value, err)
		}
		if at, given := l.places[today]; given && at.in.number == l.at.number && !sameValue(field, value) {
			return l.at.errorAt(o.key, "%s %s, and another value of that is given too", o.path, older[o.path].warning()).Fix("keep %s alone", today)
		}
		field.Set(value)
		l.places[today] = place{l.at, o.value}
		if o.path == "output.catalog_uri" {
			c.Output.URI, l.moved = "", true
		}
	}
	l.older = nil
	return nil
}

func (l *loader) warn(key string, n *yaml.Node) {
	at := l.at.name
	if !l.at.overlay {
		at += fmt.Sprintf(":%d:%d", n.Line, n.Column)
	}
	l.warnings = append(l.warnings, fmt.Sprintf("%s: %s %s", at, key, older[key].warning()))
}

func sameValue(a, b reflect.Value) bool {
	if a.Kind() == reflect.String {
		return strings.TrimRight(a.String(), "/") == strings.TrimRight(b.String(), "/")
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}

// notes says which of the keys that were given have no effect yet.
func (l *loader) notes() []string {
	var given []string
	for _, key := range []string{"compute", "output.save_diagnostics", "output.save_model_images"} {
		if _, ok := l.places[key]; ok {
			given = append(given, key)
		}
	}
	if len(given) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s: checked, but nothing reads it yet: %s", l.name, strings.Join(given, ", "))}
}

// addOlder adds the older keys to the schema, where they stood.
func addOlder(root *jsonschema.Schema) {
	for _, key := range slices.Sorted(maps.Keys(older)) {
		section := root
		parts := strings.Split(key, ".")
		for _, name := range parts[:len(parts)-1] {
			section, _ = section.Properties.Get(name)
		}
		name := parts[len(parts)-1]
		if s, ok := section.Properties.Get(name); ok {
			s.Deprecated = name == "mock_shine"
			continue
		}
		s := &jsonschema.Schema{Type: "string"}
		if today := older[key].today; today != "" {
			at := root
			for part := range strings.SplitSeq(today, ".") {
				at, _ = at.Properties.Get(part)
			}
			copied := *at
			s = &copied
		}
		s.Deprecated, s.Description = true, strings.TrimPrefix(older[key].warning(), "is ")
		section.Properties.Set(name, s)
	}
}
