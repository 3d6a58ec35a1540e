package fits_test

import (
	"bytes"
	"fmt"

	"github.com/cosmostat/constellation/pkg/fits"
)

func Example() {
	var file bytes.Buffer
	pixels := fits.AppendFloat32(nil, []float32{1, 2, 3, 4, 5, 6})
	sci := fits.NewImage(-32, 3, 2).
		SetText("EXTNAME", "3-4.F.SCI", "quadrant and kind").
		SetText("MAGZEROP", "24.56605", "zero point, as VIS writes it")
	for _, err := range []error{
		fits.WriteHDU(&file, fits.NewPrimary(), nil, 0),
		fits.WriteHDU(&file, sci, bytes.NewReader(pixels), int64(len(pixels))),
	} {
		if err != nil {
			fmt.Println(err)
			return
		}
	}

	r := bytes.NewReader(file.Bytes())
	err := fits.Scan(r, r.Size(), func(h *fits.HDU) (more bool, err error) {
		fmt.Printf("%s: %s at byte %d, %d bytes of data\n", h, h.Kind, h.Offset, h.DataSize)
		if h.Header.Has("MAGZEROP") {
			zero, err := h.Header.Float("MAGZEROP")
			fmt.Println("zero point", zero)
			return true, err
		}
		return true, nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// HDU 0: PRIMARY at byte 0, 0 bytes of data
	// HDU 1 (3-4.F.SCI): IMAGE at byte 2880, 24 bytes of data
	// zero point 24.56605
}
