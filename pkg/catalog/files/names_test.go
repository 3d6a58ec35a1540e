package files_test

import (
	"regexp"
	"strings"

	"github.com/apache/iceberg-go/table"
)

const (
	uuidLike = `[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}`
	entropy  = `(?:(?:[01]{4}/){3}[01]{8}[/-])?` // of write.object-storage.enabled
)

// names matches the paths below a table's location, without the slash, that commits
// give to data and delete files: under its default spec and those of the past, with
// a random UUID.
func names(m table.Metadata) *regexp.Regexp {
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
