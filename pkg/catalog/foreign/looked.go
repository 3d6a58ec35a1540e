package foreign

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	iceio "github.com/apache/iceberg-go/io"

	"github.com/cosmostat/constellation/pkg/columnar"
)

// lookedFile looks at a file while it is read: a manifest from its beginning, a
// data file from its end. One that was cut short, or that something else was
// written over, is refused by its name, which the library's errors lack.
type lookedFile struct {
	iceio.File
	name   string
	read   container
	sought bool
	footer int64 // its length, once its end was read
}

const (
	avroName    = ".avro" // what names of manifests and their lists end with
	parquetName = ".parquet"
	// leastParquet is the magic bytes at both ends and a footer's length.
	leastParquet = 12
)

func (f *lookedFile) Seek(offset int64, whence int) (int64, error) {
	f.sought = true
	at, err := f.File.Seek(offset, whence)
	if err == nil && whence == io.SeekEnd && offset == 0 && at < leastParquet && strings.HasSuffix(f.name, parquetName) {
		return 0, refuse(f.name, foreignError{"its end", fmt.Errorf("it has %d bytes, which is no Parquet file", at)})
	}
	return at, err
}

func (f *lookedFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	if f.sought {
		return n, err
	}
	wrong := f.read.look(p[:n])
	if wrong == nil && strings.HasSuffix(f.name, avroName) {
		if f.read.state == noContainer {
			wrong = foreignError{"byte 0", errors.New("it doesn't begin as Avro files do")}
		} else if errors.Is(err, io.EOF) {
			wrong = f.read.ended()
		}
	}
	if wrong != nil {
		return 0, refuse(f.name, wrong)
	}
	return n, err
}

// tail is what follows a data file's footer: its length and the magic bytes.
const tail = 8

func (f *lookedFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(p, off)
	if n < tail || n < len(p) {
		return n, err
	}
	info, serr := f.Stat()
	if serr != nil {
		return n, err
	}
	size := info.Size()
	if len(p) == tail && off == size-tail {
		f.footer = int64(binary.LittleEndian.Uint32(p))
		if wrong := ends(p, f.footer, size); wrong != nil && strings.HasSuffix(f.name, parquetName) {
			return 0, refuse(f.name, foreignError{"its end", wrong})
		}
	}
	if f.footer > 0 && int64(len(p)) == f.footer && off == size-tail-f.footer {
		if wrong := columnar.Look(p); wrong != nil {
			return 0, refuse(f.name, foreignError{"its footer", wrong})
		}
	}
	return n, err
}

// ends says what is wrong with the end of a Parquet file.
func ends(p []byte, footer, size int64) error {
	switch magic := string(p[4:]); {
	case magic != "PAR1" && magic != "PARE":
		return errors.New("it doesn't end as Parquet files do: it was cut short, or something else was written there")
	case footer > size-leastParquet:
		return fmt.Errorf("it says that its footer has %d bytes, and it has %d itself", footer, size)
	}
	return nil
}
