package upkeep

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/objstore"
)

const uuidLike = `[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}`

// entropy are the directories that spread files over a store's partitions
// (write.object-storage.enabled): 20 bits of a hash, which may end in the name.
const entropy = `(?:[01]{4}/){3}[01]{8}[/-]`

// written are the paths below a table that commits give to files: in its
// partitions, by the specs that it has and had, and in its metadata, with a random
// UUID. So a name says which file it is, however a reference spells the way there
// (file:/x, file:///x, %20, s3a://).
func written(m table.Metadata) *regexp.Regexp {
	var parts []string
	for _, spec := range m.PartitionSpecs() {
		if p := partition(spec); !slices.Contains(parts, p) {
			parts = append(parts, p)
		}
	}
	file := `[^/]*` + uuidLike + `[^/]*`
	data := places(m, dataDir, table.WriteDataPathKey) + `(?:` + entropy + `)?(?:` + strings.Join(parts, "|") + `)` + file + `\.(?:parquet|orc|avro|puffin)`
	vectors := places(m, dataDir, table.WriteDataPathKey) + `(?:` + entropy + `)?` + file + `\.puffin` // in no partition
	meta := places(m, metadataDir, table.WriteMetadataPathKey) + file + `\.(?:avro|metadata\.json|puffin|stats)`
	return regexp.MustCompile(`^(?:` + data + `|` + vectors + `|` + meta + `)$`)
}

// places are the directories of files below the table: as it is without the
// property, and as the property says, where that is below the table, too.
func places(m table.Metadata, usual, property string) string {
	all := []string{regexp.QuoteMeta(usual)}
	if at, set := m.Properties()[property]; set {
		if rel, err := objstore.Rel(m.Location(), at); err == nil && rel != "." {
			all = append(all, regexp.QuoteMeta(strings.Trim(rel, "/")+"/"))
		}
	}
	return `(?:` + strings.Join(all, "|") + `)`
}

// partition is the path of a spec's partitions. Names and values are escaped, with
// + or %20 for a blank; a field that was taken out of a spec of format 1 is void,
// and stands there as null in files of some writers.
func partition(spec iceberg.PartitionSpec) string {
	var path strings.Builder
	for _, f := range spec.Fields() {
		names := []string{regexp.QuoteMeta(url.QueryEscape(f.Name)), regexp.QuoteMeta(url.PathEscape(f.Name)), regexp.QuoteMeta(f.Name)}
		slices.Sort(names)
		field := `(?:` + strings.Join(slices.Compact(names), "|") + `)=[^/]*/`
		if _, void := f.Transform.(iceberg.VoidTransform); void {
			field = `(?:` + field + `)?`
		}
		path.WriteString(field)
	}
	return path.String()
}
