package results

import (
	"io"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"

	"github.com/cosmostat/constellation/pkg/columnar"
)

// WriteShear writes rows as shear.parquet; the same rows give the same bytes.
func WriteShear(w io.Writer, rows []Shear) error { return write(w, ShearColumns(), rows) }

// WriteSources writes rows as sources.parquet; the same rows give the same bytes.
func WriteSources(w io.Writer, rows []Source) error { return write(w, SourceColumns(), rows) }

func write[T any](w io.Writer, cols []columnar.Column[T], rows []T) error {
	// Dictionaries don't pay for a few thousand measured values.
	out, err := columnar.NewWriter(w, cols, parquet.WithDictionaryDefault(false), parquet.WithCompression(compress.Codecs.Snappy))
	if err != nil {
		return err
	}
	if len(rows) > 0 {
		if err := out.Group(rows); err != nil {
			return err
		}
	}
	return out.Close()
}
