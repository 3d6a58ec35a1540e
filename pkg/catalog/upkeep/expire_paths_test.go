package upkeep

import (
	"fmt"
	"testing"

	"github.com/apache/iceberg-go/table"
)

// TestWritten holds the names of files to the specs of a table.
func TestWritten(t *testing.T) {
	const id = "0b7a5f0e-5a55-4c9b-8d53-6b1f3f4c9d10"
	const identity = `{"source-id":1,"field-id":1000,"name":"TILE_ID","transform":"identity"}`
	const truncate = `{"source-id":1,"field-id":1001,"name":"TILE_ID_trunc","transform":"truncate[2000]"}`
	const bucket = `{"source-id":1,"field-id":1002,"name":"by hand: a/b","transform":"bucket[16]"}`
	const void = `{"source-id":1,"field-id":1000,"name":"TILE_ID","transform":"void"}`
	for _, c := range []struct {
		name, specs, properties string
		yes, no                 []string
	}{
		{
			name: "identity", specs: `[` + identity + `]`,
			yes: []string{"data/TILE_ID=7/00000-0-" + id + ".parquet", "data/TILE_ID=-7/" + id + "-00001.parquet", "metadata/" + id + "-m0.avro", "metadata/snap-1-0-" + id + ".avro", "metadata/00001-" + id + ".metadata.json", "metadata/00001-" + id + ".gz.metadata.json", "data/0101/1111/0000/10100101/TILE_ID=7/0-" + id + ".parquet", "data/0-" + id + "-deletes.puffin"},
			no:  []string{"data/TILE_ID=7/by-hand.parquet", "data/TILE_ID=7/old/0-" + id + ".parquet", "data/TILE=7/0-" + id + ".parquet", "data/TILE_ID_trunc=0/0-" + id + ".parquet", "TILE_ID=7/0-" + id + ".parquet", "data/TILE_ID=7/0-" + id + ".parquet.bak", "metadata/notes.avro", "metadata/version-hint.text", "mydata/TILE_ID=7/0-" + id + ".parquet"},
		},
		{
			name: "evolved", specs: `[` + identity + `],[` + truncate + `]`,
			yes: []string{"data/TILE_ID=7/0-" + id + ".parquet", "data/TILE_ID_trunc=2000/0-" + id + ".parquet"},
			no:  []string{"data/TILE_ID=7/TILE_ID_trunc=0/0-" + id + ".parquet"},
		},
		{
			name: "several, of format 1", specs: `[` + identity + `,` + truncate + `],[` + void + `,` + truncate + `]`,
			yes: []string{"data/TILE_ID=7/TILE_ID_trunc=0/0-" + id + ".parquet", "data/TILE_ID=null/TILE_ID_trunc=0/0-" + id + ".parquet", "data/TILE_ID_trunc=0/0-" + id + ".parquet"},
			no:  []string{"data/TILE_ID_trunc=0/TILE_ID=7/0-" + id + ".parquet"},
		},
		{
			name: "none", specs: `[` + identity + `],[]`,
			yes: []string{"data/0-" + id + ".parquet", "data/0101/1111/0000/10100101-0-" + id + ".parquet", "data/0-" + id + "-deletes.puffin"},
			no:  []string{"data/other/0-" + id + ".parquet", "data/01/0-" + id + ".parquet"},
		},
		{
			name: "a name to escape", specs: `[` + bucket + `]`,
			yes: []string{"data/by+hand%3A+a%2Fb=3/0-" + id + ".parquet"},
			no:  []string{"data/by hand: a/c=3/0-" + id + ".parquet"},
		},
		{
			name: "places", specs: `[` + identity + `]`, properties: `"write.data.path":"s3://b/t/elsewhere/","write.metadata.path":"s3://b/t/about"`,
			yes: []string{"data/TILE_ID=7/0-" + id + ".parquet", "elsewhere/TILE_ID=7/0-" + id + ".parquet", "about/" + id + "-m0.avro"},
			no:  []string{"TILE_ID=7/0-" + id + ".parquet", "another/TILE_ID=7/0-" + id + ".parquet"},
		},
		{
			name: "a place outside", specs: `[` + identity + `]`, properties: `"write.data.path":"s3://b/shared"`,
			yes: []string{"data/TILE_ID=7/0-" + id + ".parquet"},
			no:  []string{"shared/TILE_ID=7/0-" + id + ".parquet", "/TILE_ID=7/0-" + id + ".parquet"},
		},
	} {
		specs := ""
		n := 0
		for _, fields := range splitSpecs(c.specs) {
			if n > 0 {
				specs += ","
			}
			specs += fmt.Sprintf(`{"spec-id":%d,"fields":%s}`, n, fields)
			n++
		}
		m, err := table.ParseMetadataString(fmt.Sprintf(`{"format-version":2,"table-uuid":"9c12d441-03fe-4693-9a96-a0705ddf69c1","location":"s3://b/t","last-sequence-number":0,
			"last-updated-ms":5000,"last-column-id":1,"schemas":[{"type":"struct","schema-id":0,"fields":[{"id":1,"name":"TILE_ID","required":true,"type":"long"}]}],
			"current-schema-id":0,"partition-specs":[%s],"default-spec-id":%d,"last-partition-id":1002,"properties":{%s},
			"sort-orders":[{"order-id":0,"fields":[]}],"default-sort-order-id":0}`, specs, n-1, c.properties))
		if err != nil {
			t.Fatal(err)
		}
		is := written(m)
		for _, path := range c.yes {
			if !is.MatchString(path) {
				t.Errorf("%s: %s is none that commits write", c.name, path)
			}
		}
		for _, path := range c.no {
			if is.MatchString(path) {
				t.Errorf("%s: %s is one that commits write", c.name, path)
			}
		}
	}
}

// splitSpecs parts lists of fields at the commas between them.
func splitSpecs(text string) (specs []string) {
	depth, from := 0, 0
	for i, c := range text {
		switch c {
		case '[':
			depth++
		case ']':
			if depth--; depth == 0 {
				specs = append(specs, text[from:i+1])
				from = i + 2
			}
		}
	}
	return specs
}
