package files

import (
	"maps"
	"net/url"

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
