package catalogerrand

import (
	"context"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/catalog/rows"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/results"
)

func records(chunks iter.Seq2[[]results.Source, error]) iter.Seq2[arrow.RecordBatch, error] {
	return rows.Records(results.SourceColumns(), chunks)
}

func (e Errand) compact(ctx context.Context, c *catalog.Catalog) (*Account, error) {
	_, err := c.Compact(ctx, catalog.CompactOptions{})
	return &Account{}, err
}

func (e Errand) verify(ctx context.Context, c *catalog.Catalog) (*Account, error) {
	v, err := c.Verify(ctx, objstore.Open(ctx, objstore.Config{}), e.Do == VerifyDeep)
	if err == nil {
		err = v.Err()
	}
	return &Account{}, err
}
