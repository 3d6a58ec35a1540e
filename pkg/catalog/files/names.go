package files

import (
	"maps"
	"net/url"
	"regexp"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// dataPath is where a data file of a partition goes, as the library's writers have
// it: below the partition's directory, where the table says that its data are.
func dataPath(t *table.Table, part, name string) (string, error) {
	props := maps.Clone(t.Properties())
	if props == nil {
		props = iceberg.Properties{}
	}
	if part != "" {
		base := props[table.WriteDataPathKey]
		if base == "" {
			base = t.Location() + "/data"
		}
		u, err := url.Parse(base)
		if err != nil {
			return "", err
		}
		props[table.WriteDataPathKey] = u.JoinPath(part).String()
	}
	where, err := table.LoadLocationProvider(t.Location(), props)
	if err != nil {
		return "", err
	}
	return where.NewDataLocation(name), nil
}

const (
	uuidLike = `[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}`
	entropy  = `(?:(?:[01]{4}/){3}[01]{8}[/-])?` // of write.object-storage.enabled
)

// Names matches the paths below a table's location, without the slash, that commits
// give to data and delete files: under its default spec and those of the past, with
// a random UUID.
func Names(m table.Metadata) *regexp.Regexp {
	dirs := []string{""}
	for _, spec := range m.PartitionSpecs() {
		var dir strings.Builder
		for _, f := range spec.Fields() {
			dir.WriteString(regexp.QuoteMeta(f.EscapedName()) + `=[^/]*/`)
		}
		dirs = append(dirs, dir.String())
	}
	return regexp.MustCompile(`^data/(?:` + strings.Join(dirs, "|") + `)` + entropy + `[^/]*` + uuidLike + `[^/]*\.(?:parquet|puffin)$`)
}
