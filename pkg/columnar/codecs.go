package columnar

import (
	"fmt"
	"sync"

	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// The library holds a page to the size that its header says, but these two
// formats say a size of their own, or none, and the library's decoders make what
// they say. Here a page is never more than its header says.
func init() {
	for kind, decode := range map[compress.Compression]func(dst, src []byte) ([]byte, error){
		compress.Codecs.Snappy: decodeSnappy, compress.Codecs.Zstd: decodeZstd,
	} {
		codec, err := compress.GetCodec(kind)
		if whole, ok := codec.(both); ok && err == nil {
			compress.RegisterCodec(kind, held{whole, decode})
		}
	}
}

type both interface {
	compress.Codec
	compress.StreamingCodec
}

// held is a codec whose blocks are no larger than the place that they are for.
type held struct {
	both
	decode func(dst, src []byte) ([]byte, error)
}

// DecodeWithError decodes a block.
func (h held) DecodeWithError(dst, src []byte) ([]byte, error) {
	out, err := h.decode(dst, src)
	if err == nil && dst != nil && len(out) > len(dst) {
		err = larger(len(out), dst)
	}
	return out, err
}

// Decode is DecodeWithError of an older interface.
func (h held) Decode(dst, src []byte) []byte {
	out, err := h.DecodeWithError(dst, src)
	if err != nil {
		panic(err)
	}
	return out
}

func larger(n int, dst []byte) error {
	return fmt.Errorf("a page has %d bytes, its header says %d", n, len(dst))
}

func decodeSnappy(dst, src []byte) ([]byte, error) {
	n, err := snappy.DecodedLen(src)
	switch {
	case err != nil:
		return nil, err
	case dst != nil && n > len(dst), n > 2*maxPage:
		return nil, larger(n, dst)
	}
	return snappy.Decode(dst, src)
}

var zstdDecoder = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderMaxMemory(2*maxPage))
})

func decodeZstd(dst, src []byte) ([]byte, error) {
	d, err := zstdDecoder()
	if err != nil {
		return nil, err
	}
	return d.DecodeAll(src, dst[:0])
}
