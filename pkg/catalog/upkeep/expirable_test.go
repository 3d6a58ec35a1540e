package upkeep

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go/table"
)

// TestExpirable decides about five snapshots, made a second after each other.
func TestExpirable(t *testing.T) {
	const refs, log = `"main":{"snapshot-id":5,"type":"branch"}`, ``
	long := time.UnixMilli(1e12)
	for _, c := range []struct {
		name, refs, log string
		current         int
		before          time.Time
		keep            int
		want            []int64
	}{
		{name: "all but the current one", keep: 1, want: []int64{1, 2, 3, 4}},
		{name: "three stay", keep: 3, want: []int64{1, 2}},
		{name: "more than there are", keep: 9},
		{name: "in use until the next one came", before: time.UnixMilli(3000), keep: 1, want: []int64{1}},
		{name: "a tag", refs: refs + `,"q1":{"snapshot-id":2,"type":"tag"}`, keep: 1, want: []int64{1, 3, 4}},
		{name: "a branch's newest", refs: refs + `,"try":{"snapshot-id":3,"type":"branch"}`, keep: 2, want: []int64{1}},
		{name: "a branch wants more", refs: `"main":{"snapshot-id":5,"type":"branch","min-snapshots-to-keep":4}`, keep: 1, want: []int64{1}},
		{name: "a branch wants older ones", refs: `"main":{"snapshot-id":5,"type":"branch","max-snapshot-age-ms":9000000000000}`, keep: 1},
		{
			name: "rolled back long ago", current: 2, refs: `"main":{"snapshot-id":2,"type":"branch"}`, log: `,{"snapshot-id":2,"timestamp-ms":9000}`,
			keep: 1, want: []int64{1, 3, 4, 5},
		},
		{
			name: "rolled back just now", current: 2, refs: `"main":{"snapshot-id":2,"type":"branch"}`, log: `,{"snapshot-id":2,"timestamp-ms":9000}`,
			before: time.UnixMilli(9000), keep: 1, want: []int64{1, 3, 4},
		},
	} {
		if c.refs == "" {
			c.refs = refs
		}
		if c.current == 0 {
			c.current = 5
		}
		if c.before.IsZero() {
			c.before = long
		}
		var snapshots, entries []string
		for i := 1; i <= 5; i++ {
			parent := ""
			if i > 1 {
				parent = fmt.Sprintf(`"parent-snapshot-id":%d,`, i-1)
			}
			snapshots = append(snapshots, fmt.Sprintf(`{"snapshot-id":%d,%s"sequence-number":%d,"timestamp-ms":%d000,"manifest-list":"s3://b/t/%d.avro","summary":{"operation":"append"},"schema-id":0}`, i, parent, i, i, i))
			entries = append(entries, fmt.Sprintf(`{"snapshot-id":%d,"timestamp-ms":%d000}`, i, i))
		}
		document := fmt.Sprintf(`{"format-version":2,"table-uuid":"9c12d441-03fe-4693-9a96-a0705ddf69c1","location":"s3://b/t","last-sequence-number":5,
			"last-updated-ms":5000,"last-column-id":1,"schemas":[{"type":"struct","schema-id":0,"fields":[{"id":1,"name":"x","required":true,"type":"long"}]}],
			"current-schema-id":0,"partition-specs":[{"spec-id":0,"fields":[]}],"default-spec-id":0,"last-partition-id":999,
			"sort-orders":[{"order-id":0,"fields":[]}],"default-sort-order-id":0,"current-snapshot-id":%d,"refs":{%s},"snapshots":[%s],"snapshot-log":[%s%s]}`,
			c.current, c.refs, strings.Join(snapshots, ","), strings.Join(entries, ","), c.log)
		if got := expired(t, document, Retention{Before: c.before, Keep: c.keep}); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// expired is what can go by a table's metadata document.
func expired(t *testing.T, document string, r Retention) (ids []int64) {
	t.Helper()
	m, err := table.ParseMetadataString(document)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range expirable(m, r) {
		ids = append(ids, s.SnapshotID)
	}
	return ids
}
