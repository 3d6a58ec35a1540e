package glue_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go"
	icecat "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"
	sdk "github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"

	"github.com/cosmostat/constellation/internal/testing/gluetest"
	"github.com/cosmostat/constellation/pkg/catalog/glue"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
)

var (
	ident  = table.Identifier{"shear", "edff_shear"}
	schema = iceberg.NewSchema(0,
		iceberg.NestedField{ID: 1, Name: "TILE_ID", Type: iceberg.PrimitiveTypes.Int64, Required: true, Doc: "MER tile"},
		iceberg.NestedField{ID: 2, Name: "G1", Type: iceberg.PrimitiveTypes.Float32, Doc: strings.Repeat("shear, first component, ", 11)}, // 264 bytes
		iceberg.NestedField{ID: 3, Name: "STATUS", Type: iceberg.PrimitiveTypes.String},
	)
)

// catalogue is an empty one with a local warehouse, and what it is opened by.
func catalogue(t *testing.T) (*gluetest.Server, settings.Catalog) {
	s := gluetest.Start(t)
	return s, settings.Catalog{Warehouse: "file://" + t.TempDir(), URI: "glue://" + s.Region, Namespace: ident[0], Table: ident[1]}
}

func open(t *testing.T, s settings.Catalog) *glue.Catalog {
	t.Helper()
	cfg, err := objstore.AWS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c, err := glue.Open(cfg, s, iceberg.Properties{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// lay makes the table, with what our tables say of replays.
func lay(t *testing.T, c *glue.Catalog) *table.Table {
	t.Helper()
	if err := c.CreateNamespace(t.Context(), ident[:1], nil); err != nil {
		t.Fatal(err)
	}
	tb, err := c.CreateTable(t.Context(), ident, schema, icecat.WithProperties(iceberg.Properties{
		table.PropertyFormatVersion: "2", table.CommitNumRetriesKey: "50", table.CommitMinRetryWaitMsKey: "5", table.CommitMaxRetryWaitMsKey: "200",
	}))
	if err != nil {
		t.Fatal(err)
	}
	return tb
}

// add appends a row to the table as it is.
func add(ctx context.Context, tb *table.Table, tile int64) (*table.Table, error) {
	arrows, err := table.SchemaToArrowSchema(schema, nil, true, false)
	if err != nil {
		return nil, err
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrows)
	b.Field(0).(*array.Int64Builder).Append(tile)
	b.Field(1).(*array.Float32Builder).Append(0.5)
	b.Field(2).(*array.StringBuilder).Append("ok")
	rec := b.NewRecordBatch()
	rows := array.NewTableFromRecords(arrows, []arrow.RecordBatch{rec})
	return tb.AppendTable(ctx, rows, 1, nil)
}

// tiles reads the table's tiles, in order.
func tiles(t *testing.T, c *glue.Catalog) (ids []int64) {
	t.Helper()
	tb, err := c.LoadTable(t.Context(), ident)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := tb.Scan(table.WithSelectedFields("TILE_ID")).ToArrowTable(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, chunk := range rows.Column(0).Data().Chunks() {
		for i := range chunk.Len() {
			ids = append(ids, chunk.(*array.Int64).Value(i))
		}
	}
	slices.Sort(ids)
	return ids
}

// raw is what Glue holds of the table.
func raw(t *testing.T, s *gluetest.Server) *types.Table {
	t.Helper()
	got, err := client(t, s).GetTable(t.Context(), &sdk.GetTableInput{DatabaseName: &ident[0], Name: &ident[1]})
	if err != nil {
		t.Fatal(err)
	}
	return got.Table
}

func client(t *testing.T, s *gluetest.Server) *sdk.Client {
	t.Helper()
	cfg, err := objstore.AWS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cfg.BaseEndpoint, cfg.Region = &s.URL, s.Region
	return sdk.NewFromConfig(cfg)
}

// A table is made, written and read, and laid in Glue as PyIceberg lays one.
func TestTable(t *testing.T) {
	server, s := catalogue(t)
	c := open(t, s)
	if ok, err := c.CheckNamespaceExists(t.Context(), ident[:1]); ok || err != nil {
		t.Error(ok, err)
	}
	made := lay(t, c)
	if want := s.Warehouse + "/shear/edff_shear"; made.Location() != want {
		t.Errorf("it lies at %s, not %s", made.Location(), want)
	}
	if ok, err := c.CheckNamespaceExists(t.Context(), ident[:1]); !ok || err != nil {
		t.Error(ok, err)
	}
	if ok, err := c.CheckTableExists(t.Context(), ident); !ok || err != nil {
		t.Error(ok, err)
	}
	first, err := add(t.Context(), made, 7)
	if err != nil {
		t.Fatal(err)
	}
	if got := tiles(t, open(t, s)); !slices.Equal(got, []int64{7}) {
		t.Error(got)
	}
	entry := raw(t, server)
	for key, want := range map[string]string{"table_type": "ICEBERG", "metadata_location": first.MetadataLocation(), "previous_metadata_location": made.MetadataLocation()} {
		if got := entry.Parameters[key]; got != want {
			t.Errorf("%s is %q, not %q", key, got, want)
		}
	}
	if *entry.TableType != "EXTERNAL_TABLE" || *entry.StorageDescriptor.Location != made.Location() {
		t.Errorf("it is %q at %q", *entry.TableType, *entry.StorageDescriptor.Location)
	}

	pyiceberg(t, server, s, "append 8")
	pyiceberg(t, server, s, "read 7 8")
	theirs := raw(t, server)
	for i, want := range theirs.StorageDescriptor.Columns {
		got := entry.StorageDescriptor.Columns[i]
		if n := 255; want.Comment != nil && len(*want.Comment) > n { // more than Glue takes
			*want.Comment = (*want.Comment)[:n-3] + "..."
		}
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(want)
		if string(a) != string(b) {
			t.Errorf("column %d is %s, PyIceberg's is %s", i, a, b)
		}
	}
	// The cached state is older by now: a commit on it is refused and replayed.
	if _, err := add(t.Context(), first, 9); err != nil {
		t.Fatal(err)
	}
	if got := tiles(t, c); !slices.Equal(got, []int64{7, 8, 9}) {
		t.Error(got)
	}
	for key := range raw(t, server).Parameters {
		if strings.HasPrefix(key, "commit.retry") {
			t.Errorf("PyIceberg's copy of %s stayed", key)
		}
	}
	pyiceberg(t, server, s, "read 7 8 9")
}

// pyiceberg does something with the table by PyIceberg's own Glue catalogue.
func pyiceberg(t *testing.T, server *gluetest.Server, s settings.Catalog, what string) {
	t.Helper()
	const program = `
import sys
import pyarrow as pa
from pyiceberg.catalog import load_catalog
url, region, verb, *tiles = sys.argv[1:]
table = load_catalog("constellation", **{"type": "glue", "glue.endpoint": url, "glue.region": region}).load_table("shear.edff_shear")
tiles = [int(t) for t in tiles]
if verb == "append":
    for t in tiles:
        table.append(pa.table({"TILE_ID": [t], "G1": [0.1], "STATUS": ["ok"]}, schema=table.schema().as_arrow()))
else:
    got = sorted(table.scan().to_arrow()["TILE_ID"].to_pylist())
    assert got == tiles, got
`
	cmd := exec.Command(os.Getenv("CONSTELLATION_PYTHON"), append([]string{"-c", program, server.URL, server.Region}, strings.Fields(what)...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("PyIceberg: %s: %v\n%s", what, err, out)
	}
}

// Requests are few: a commit asks for the table once, and metadata that are known
// aren't read again.
func TestCallsOfACommit(t *testing.T) {
	server, s := catalogue(t)
	c := open(t, s)
	tb := lay(t, c)
	asked := server.Calls("GetTable")
	tb, err := add(t.Context(), tb, 1)
	if err != nil {
		t.Fatal(err)
	}
	if n := server.Calls("GetTable") - asked; n != 1 || server.Calls("UpdateTable") != 1 {
		t.Errorf("%d times asked, %d updated", n, server.Calls("UpdateTable"))
	}
	if err := os.Remove(strings.TrimPrefix(tb.MetadataLocation(), "file://")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.LoadTable(t.Context(), ident); err != nil {
		t.Errorf("metadata that were written a moment ago are read: %v", err)
	}
	if _, err := open(t, s).LoadTable(t.Context(), ident); err == nil || !strings.Contains(err.Error(), filepath.Base(tb.MetadataLocation())) {
		t.Errorf("nobody says which file is missing: %v", err)
	}
}
