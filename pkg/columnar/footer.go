package columnar

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/parquet/metadata"
)

// A footer is Thrift, whose lists say how many elements they have; the library
// makes room for them before it looks whether they are there, and each element
// is far larger in memory than in the file.
const (
	// maxFooter bounds what is read of a footer, in bytes.
	maxFooter = 64 << 20
	// maxSchema is what a schema has at most, and maxName a name in it: each column
	// has the names of all that hold it, and is looked up by that.
	maxSchema, maxName = 1 << 12, 1 << 10
	// maxStructs is what a footer may have whatever its length, and perStruct the
	// bytes that each further one has on average; a writer's have twenty.
	maxStructs, perStruct = 50_000, 16
	// maxNested is how deep they nest; Parquet's own go six deep.
	maxNested = 16
	// tail is what follows a footer: its length and the magic bytes.
	tail = 8
)

// Types of Thrift's compact protocol.
const (
	thriftStop = iota
	thriftTrue
	thriftFalse
	thriftByte
	thriftI16
	thriftI32
	thriftI64
	thriftDouble
	thriftBinary
	thriftList
	thriftSet
	thriftMap
	thriftStruct
	thriftUUID
)

// Fields: a footer's schema, and an element's name and how many it holds.
const (
	schemaField   = 2
	nameField     = 4
	childrenField = 5
)

// readFooter is the metadata of a file; nil where it has none at its end, or
// encrypted ones, about which the library says more.
func readFooter(r io.ReaderAt, size int64) (*metadata.FileMetaData, error) {
	end := make([]byte, tail)
	if size <= tail {
		return nil, nil
	}
	if _, err := r.ReadAt(end, size-tail); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	n := int64(binary.LittleEndian.Uint32(end))
	switch {
	case string(end[4:]) != "PAR1" || n > size-tail:
		return nil, nil
	case n > maxFooter:
		return nil, fmt.Errorf("its footer has %d bytes, at most %d are read", n, maxFooter)
	}
	raw := make([]byte, n)
	if _, err := r.ReadAt(raw, size-tail-n); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	meta, err := Footer(raw)
	if err == nil {
		meta.SetSourceFileSize(size)
	}
	return meta, err
}

// Footer decodes a footer, without the eight bytes behind it, once it is known to
// be none that takes far more memory than its length says.
func Footer(raw []byte) (*metadata.FileMetaData, error) {
	if err := Look(raw); err != nil {
		return nil, err
	}
	return metadata.NewFileMetaData(raw, nil)
}

// Look says whether a footer is one that takes far more memory than its length
// says, where something else decodes it.
func Look(raw []byte) error {
	w := walk{rest: raw, structs: maxStructs + len(raw)/perStruct}
	if err := w.structure(0); err != nil {
		return fmt.Errorf("its footer, at byte %d of %d: %w", len(raw)-len(w.rest), len(raw), err)
	}
	return nil
}

// walk is how far a footer was looked at.
type walk struct {
	rest    []byte
	structs int // that there may still be

	name     uint64 // length of the last element's
	children int64  // that it holds
}

func (w *walk) uvarint() (uint64, error) {
	v, n := binary.Uvarint(w.rest)
	if n <= 0 {
		return 0, io.ErrUnexpectedEOF
	}
	w.rest = w.rest[n:]
	return v, nil
}

func (w *walk) skip(n uint64) error {
	if n > uint64(len(w.rest)) {
		return fmt.Errorf("it lacks %d of the %d bytes of a value", n-uint64(len(w.rest)), n)
	}
	w.rest = w.rest[n:]
	return nil
}

func (w *walk) next() (byte, error) {
	if len(w.rest) == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	b := w.rest[0]
	w.rest = w.rest[1:]
	return b, nil
}

// structure walks over the fields of a struct; depth is how many hold it.
func (w *walk) structure(depth int) error {
	if w.structs--; w.structs < 0 {
		return errors.New("it has far more parts than its length allows")
	}
	if depth > maxNested {
		return fmt.Errorf("it nests deeper than %d times", maxNested)
	}
	id := int64(0)
	for {
		head, err := w.next()
		if err != nil {
			return err
		}
		kind := head & 0xf
		if kind == thriftStop {
			return nil
		}
		if delta := int64(head >> 4); delta != 0 {
			id += delta
		} else {
			v, err := w.uvarint()
			if err != nil {
				return err
			}
			id = int64(v>>1) ^ -int64(v&1)
		}
		w.note(id, kind)
		if depth == 0 && id == schemaField && kind == thriftList {
			err = w.schema()
		} else if kind != thriftTrue && kind != thriftFalse { // the header has a truth value of a field
			err = w.value(kind, depth)
		}
		if err != nil {
			return err
		}
	}
}

// note keeps what an element of the schema says that comes next.
func (w *walk) note(id int64, kind byte) {
	switch v, _ := binary.Uvarint(w.rest); {
	case id == nameField && kind == thriftBinary:
		w.name = v
	case id == childrenField && kind == thriftI32:
		w.children = int64(v>>1) ^ -int64(v&1)
	}
}

// schema walks over the elements of the schema, each of which is followed by those that it holds.
func (w *walk) schema() error {
	n, kind, err := w.begin()
	if err != nil {
		return err
	}
	if n > maxSchema {
		return fmt.Errorf("its schema has %d elements, at most %d are read", n, maxSchema)
	}
	var open []int64 // how many each lacks that holds the next
	for range n {
		w.name, w.children = 0, 0
		if err := w.value(kind, 0); err != nil {
			return err
		}
		if w.name > maxName {
			return fmt.Errorf("a name in its schema has %d bytes, at most %d are read", w.name, maxName)
		}
		for len(open) > 0 && open[len(open)-1] <= 0 {
			open = open[:len(open)-1]
		}
		if len(open) > 0 {
			open[len(open)-1]--
		}
		if w.children > 0 {
			open = append(open, w.children)
		}
		if len(open) > maxNested {
			return fmt.Errorf("its schema nests deeper than %d times", maxNested)
		}
	}
	return nil
}

// value walks over a value of a kind.
func (w *walk) value(kind byte, depth int) error {
	switch kind {
	case thriftTrue, thriftFalse, thriftByte:
		return w.skip(1)
	case thriftI16, thriftI32, thriftI64:
		_, err := w.uvarint()
		return err
	case thriftDouble:
		return w.skip(8)
	case thriftUUID:
		return w.skip(16)
	case thriftBinary:
		n, err := w.uvarint()
		if err != nil {
			return err
		}
		return w.skip(n)
	case thriftList, thriftSet:
		return w.list(depth + 1)
	case thriftMap:
		return errors.New("it has a map, which no footer of Parquet has")
	case thriftStruct:
		return w.structure(depth + 1)
	}
	return fmt.Errorf("there is no type %d", kind)
}

// begin is how many elements a list has, and of which kind.
func (w *walk) begin() (n uint64, kind byte, err error) {
	head, err := w.next()
	if err != nil {
		return 0, 0, err
	}
	if n = uint64(head >> 4); n == 0xf {
		if n, err = w.uvarint(); err != nil {
			return 0, 0, err
		}
	}
	if n > uint64(len(w.rest)) { // each takes a byte
		return 0, 0, fmt.Errorf("it says that a list has %d elements, and %d bytes follow", n, len(w.rest))
	}
	return n, head & 0xf, nil
}

// list walks over the elements of a list.
func (w *walk) list(depth int) error {
	if depth > maxNested {
		return fmt.Errorf("it nests deeper than %d times", maxNested)
	}
	n, kind, err := w.begin()
	if err != nil {
		return err
	}
	for range n {
		if err := w.value(kind, depth); err != nil {
			return err
		}
	}
	return nil
}
