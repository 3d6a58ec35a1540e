package glue

import (
	"context"
	"maps"
	"strconv"

	"github.com/apache/iceberg-go/table"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"

	"github.com/cosmostat/constellation/pkg/fault"
)

// Writable finds out whether a table that is there could be committed to: it asks
// for an update of a version that is past. Who has the right to it is told that it
// is past, and nothing changes. What takes it all the same would let two writers
// take each other's rows, and is refused, too.
func (c *Catalog) Writable(ctx context.Context, ident table.Identifier) error {
	entry, err := c.entry(ctx, ident)
	if err != nil {
		return err
	}
	version, err := strconv.ParseUint(text(entry.VersionId), 10, 63)
	if err != nil || version == 0 {
		return nil // nothing is past: no number, or the first one
	}
	past, yes := strconv.FormatUint(version-1, 10), true
	asked, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	_, err = c.updateTable(asked, &glue.UpdateTableInput{CatalogId: c.account, DatabaseName: &ident[0], VersionId: &past, SkipArchive: &yes, TableInput: same(entry)})
	switch {
	case err == nil:
		return fault.Input(CodeSettings, "it takes an update of a version that is past, so that writers could take each other's rows").On(c.String()).At("table %s", name(ident)).
			Fix("use AWS Glue itself, or another catalogue: what answers here doesn't keep Glue's lock")
	case stale(err), absent(err), says(err) == "InvalidInputException": // in whatever words
		return nil
	}
	return c.refused(ctx, err, "glue:UpdateTable", "table "+name(ident))
}

// same is what Glue holds of a table, as it wants it handed over.
func same(e *types.Table) *types.TableInput {
	parameters, descriptor := map[string]string{}, types.StorageDescriptor{}
	maps.Copy(parameters, e.Parameters)
	if e.StorageDescriptor != nil {
		descriptor = *e.StorageDescriptor
	}
	return &types.TableInput{Name: e.Name, Description: e.Description, Owner: e.Owner, Retention: e.Retention, LastAccessTime: e.LastAccessTime, LastAnalyzedTime: e.LastAnalyzedTime,
		PartitionKeys: e.PartitionKeys, TableType: e.TableType, Parameters: parameters, StorageDescriptor: &descriptor}
}
