package rows

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/cosmostat/constellation/pkg/sky"
)

// Pixels are the values of the column [Healpix] for positions in degrees; null where
// a position is no direction, which validation finds.
func Pixels(ra, dec []float64) arrow.Array {
	b := array.NewInt64Builder(memory.DefaultAllocator)
	defer b.Release()
	b.Reserve(len(ra))
	for i := range ra {
		pixel, err := sky.Healpix(sky.Coord{RA: ra[i], Dec: dec[i]})
		if err != nil {
			b.AppendNull()
			continue
		}
		b.Append(pixel)
	}
	return b.NewArray()
}
