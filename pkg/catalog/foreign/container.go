package foreign

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// A manifest and a list of manifests are Avro containers: magic bytes, a map of
// texts, a mark of 16 bytes; then blocks, each with a number of records, its
// length, its bytes and the mark.
const (
	// maxEntry is what a text of the header has at most, and maxEntries how many there are.
	maxEntry, maxEntries = 1 << 20, 64
	// maxBlock is a block at most, as it is and unpacked: writers end one at 64 kB,
	// or have the whole list in it.
	maxBlock = 4 << 20
	// maxWindow is what a decoder of zstandard may keep, which writers choose by level.
	maxWindow = 32 << 20
	// maxUnpacked is what blocks may be unpacked whatever the file's length, and
	// perPacked what each further byte of it may stand for.
	maxUnpacked, perPacked = 64 << 20, 64
	// maxRecords is what there may be whatever the file's length, and perRecord the
	// bytes that each further one has on average; a path alone takes more.
	maxRecords, perRecord = 100_000, 32
	markSize              = 16
)

var avroMagic = []byte("Obj\x01")

// container is how far an Avro container was looked at.
type container struct {
	at      int64 // bytes of it
	state   int
	number  uint64 // that is read
	shift   uint
	need    int    // bytes of what is read: the magic, a text, a block, a mark
	have    []byte // those that are kept
	drop    bool   // they aren't
	entries int    // of the header
	left    int64  // of a part of it
	key     string
	codec   string
	schema  *avroType
	count   int64 // records of the block

	records, unpacked, elements int64
	seen                        map[string]bool // manifests that it listed
}

// States: what comes next.
const (
	atMagic = iota
	atCount
	atPartSize
	atKeySize
	atKey
	atValueSize
	atValue
	atMark
	atRecords
	atBlockSize
	atBlock
	atBlockMark
	noContainer
)

// look goes on with the next bytes.
func (c *container) look(p []byte) error {
	for len(p) > 0 && c.state != noContainer {
		n, err := 1, error(nil)
		switch c.state {
		case atMagic, atKey, atValue, atMark, atBlock, atBlockMark:
			if c.state == atMagic {
				c.need = len(avroMagic)
			}
			n = min(c.need-len(c.have), len(p))
			if c.drop {
				n = min(c.need, len(p))
				c.need -= n
			} else {
				c.have = append(c.have, p[:n]...)
			}
			if c.drop && c.need == 0 || !c.drop && len(c.have) == c.need {
				err = c.whole()
				c.have = c.have[:0]
			}
		default:
			err = c.digit(p[0])
		}
		c.at += int64(n)
		if p = p[n:]; err != nil {
			return foreignError{"byte " + strconv.FormatInt(c.at, 10), err}
		}
	}
	return nil
}

// ended says whether the bytes ended where a container may.
func (c *container) ended() error {
	switch {
	case c.at == 0:
		return foreignError{"byte 0", errors.New("it is empty")}
	case c.state == atRecords && c.shift == 0:
		return nil
	}
	return foreignError{"byte " + strconv.FormatInt(c.at, 10), errors.New("it ends there, within what it began")}
}

// digit is a seventh bit each of a number.
func (c *container) digit(b byte) error {
	if c.shift > 63 {
		return errors.New("a number has more than ten bytes")
	}
	c.number |= uint64(b&0x7f) << c.shift
	if c.shift += 7; b&0x80 != 0 {
		return nil
	}
	v := int64(c.number>>1) ^ -int64(c.number&1)
	c.number, c.shift = 0, 0
	return c.counted(v)
}

// wait has so many bytes come next.
func (c *container) wait(state, n int, drop bool) error {
	c.state, c.need, c.drop = state, n, drop
	if n == 0 {
		return c.whole()
	}
	return nil
}

// counted goes on behind a number.
func (c *container) counted(v int64) error {
	switch c.state {
	case atCount:
		if v < 0 {
			c.left, c.state = -v, atPartSize
		} else {
			c.left = v
			return c.entry()
		}
	case atPartSize:
		return c.entry()
	case atKeySize, atValueSize:
		if v < 0 || v > maxEntry {
			return fmt.Errorf("it says that a text of its header has %d bytes; at most %d are read", v, maxEntry)
		}
		return c.wait(c.state+1, int(v), false)
	case atRecords:
		c.count = v
		c.records += max(v, 0)
		if most := maxRecords + c.at/perRecord; v < 0 || v > most || c.records > most {
			return fmt.Errorf("it says that a block has %d records, which is more than its length allows", v)
		}
		c.state = atBlockSize
	case atBlockSize:
		if v < 0 || v > maxBlock {
			return fmt.Errorf("it says that a block has %d bytes; at most %d are read", v, maxBlock)
		}
		return c.wait(atBlock, int(v), false)
	}
	return nil
}

// entry begins the next text of the header, or what follows the header.
func (c *container) entry() error {
	if c.entries > maxEntries || c.left < 0 || c.left > maxEntries {
		return fmt.Errorf("its header has more than %d texts", maxEntries)
	}
	if c.left == 0 {
		return c.wait(atMark, markSize, true)
	}
	c.state = atKeySize
	return nil
}

// whole goes on behind bytes.
func (c *container) whole() error {
	switch c.state {
	case atMagic:
		if c.state = atCount; !bytes.Equal(c.have, avroMagic) {
			c.state = noContainer
		}
	case atKey:
		c.key, c.state = string(c.have), atValueSize
	case atValue:
		if err := c.said(); err != nil {
			return err
		}
		c.entries++
		if c.left--; c.left == 0 {
			c.state = atCount
			return nil
		}
		return c.entry()
	case atMark, atBlockMark:
		c.state = atRecords
	case atBlock:
		if err := c.block(); err != nil {
			return err
		}
		return c.wait(atBlockMark, markSize, true)
	}
	return nil
}

// said is a text of the header.
func (c *container) said() (err error) {
	switch c.key {
	case "avro.codec":
		c.codec = string(c.have)
	case "avro.schema":
		c.schema, err = schemaOf(c.have)
	}
	return err
}

// block walks over the records of a block.
func (c *container) block() error {
	data, err := c.unpack()
	if err != nil {
		return fmt.Errorf("a block of %d bytes in %q: %w", len(c.have), c.codec, err)
	}
	if c.schema == nil {
		return errors.New("it has no schema")
	}
	if c.seen == nil {
		c.seen = map[string]bool{}
	}
	w := walk{rest: data, seen: c.seen}
	for range c.count {
		w.elements = 0
		if err := w.value(c.schema, 0); err != nil {
			return err
		}
		if c.elements += int64(w.elements); c.elements > maxTotal+perElement*c.at {
			return errors.New("the lists of its records have more elements than its length allows")
		}
	}
	if len(w.rest) > 0 {
		return fmt.Errorf("a block has %d bytes behind its %d records", len(w.rest), c.count)
	}
	return nil
}

// unpack gives a block unpacked.
func (c *container) unpack() ([]byte, error) {
	var r io.Reader
	switch c.codec {
	case "", "null":
		return c.have, nil
	case "deflate":
		r = flate.NewReader(bytes.NewReader(c.have))
	case "zstandard":
		z, err := zstd.NewReader(bytes.NewReader(c.have), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		defer z.Close()
		r = z
	case "snappy": // with a checksum behind it
		packed := c.have[:max(len(c.have)-4, 0)]
		if n, err := snappy.DecodedLen(packed); err != nil || n > maxBlock {
			return nil, errors.Join(err, errUnpacked)
		}
		return snappy.Decode(nil, packed)
	default:
		return nil, errors.New("such a compression is none that tables have")
	}
	data, err := io.ReadAll(io.LimitReader(r, maxBlock+1))
	c.unpacked += int64(len(data))
	if len(data) > maxBlock || c.unpacked > maxUnpacked+perPacked*c.at {
		return nil, errUnpacked
	}
	return data, err
}

var errUnpacked = fmt.Errorf("it has more than %d bytes once it is unpacked, or all have more than its length allows", maxBlock)
