package fits

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/cosmostat/constellation/pkg/fault"
)

// WriteHDU writes a header and the n bytes of its data, and pads both. The
// header must be one that describes n bytes; data may be nil where n is 0.
func WriteHDU(w io.Writer, h *Header, data io.Reader, n int64) error {
	if h.err != nil {
		return h.err
	}
	_, simple := h.index["SIMPLE"]
	kind, err := kindOf(h, simple)
	if err != nil {
		return err
	}
	size, err := h.dataSize(kind)
	if err != nil {
		return err
	}
	if size != n {
		return fault.New(fault.Bug, CodeEncoding, "the header describes %d bytes of data, not %d", size, n)
	}
	if _, err := w.Write(h.Encode()); err != nil {
		return fmt.Errorf("write header: %w", err)
	}
	if n == 0 {
		return nil
	}
	if _, err := io.CopyN(w, data, n); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("write data: %w", err)
	}
	fill := byte(0)
	if kind == "TABLE" {
		fill = ' '
	}
	if _, err := w.Write(bytes.Repeat([]byte{fill}, int(Pad(n)-n))); err != nil {
		return fmt.Errorf("write padding: %w", err)
	}
	return nil
}

// AppendFloat32 appends pixels of BITPIX -32.
func AppendFloat32(dst []byte, v []float32) []byte {
	n := len(dst)
	dst = slices.Grow(dst, 4*len(v))[:n+4*len(v)]
	for i, out := 0, dst[n:]; i < len(v); i++ {
		binary.BigEndian.PutUint32(out[4*i:4*i+4], math.Float32bits(v[i]))
	}
	return dst
}

// AppendInt32 appends pixels of BITPIX 32.
func AppendInt32(dst []byte, v []int32) []byte {
	n := len(dst)
	dst = slices.Grow(dst, 4*len(v))[:n+4*len(v)]
	for i, out := 0, dst[n:]; i < len(v); i++ {
		binary.BigEndian.PutUint32(out[4*i:4*i+4], uint32(v[i]))
	}
	return dst
}

// DecodeFloat32 decodes pixels of BITPIX -32: as many as both slices hold.
func DecodeFloat32(src []byte, dst []float32) {
	for i := 0; i < len(dst) && 4*i+4 <= len(src); i++ {
		dst[i] = math.Float32frombits(binary.BigEndian.Uint32(src[4*i : 4*i+4]))
	}
}

// DecodeInt32 decodes pixels of BITPIX 32: as many as both slices hold.
func DecodeInt32(src []byte, dst []int32) {
	for i := 0; i < len(dst) && 4*i+4 <= len(src); i++ {
		dst[i] = int32(binary.BigEndian.Uint32(src[4*i : 4*i+4]))
	}
}
