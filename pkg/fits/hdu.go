package fits

import (
	"fmt"
	"math"
	"math/bits"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
)

// HDU is one header-data unit and where it lies in its file.
type HDU struct {
	Index      int    // 0 is the primary HDU
	Name       string // EXTNAME without trailing blanks, or ""
	Kind       string // PRIMARY, or the extension's type: IMAGE, BINTABLE, TABLE, ...
	Offset     int64  // of the header
	HeaderSize int64  // whole blocks
	DataSize   int64  // without padding
	Header     *Header

	// Unnamed says why EXTNAME can't be read where there is one: who looks for an
	// HDU by its name can't know whether this is it.
	Unnamed error

	// Like is not nil where nothing of the HDU was read ([ReadIndexParallel]):
	// it is one of the file that was read and that the sizes and the turn of the
	// others say this is like. All but Index and Offset is presumed then, and
	// Name is empty.
	Like *HDU
}

// ParseHDU reads the HDU whose header raw starts with, as it lies at offset of a
// file. It says nothing of whether the file is long enough.
func ParseHDU(raw []byte, index int, offset int64) (*HDU, error) {
	header, end, err := parseHeader(raw)
	if err == nil && header == nil {
		err = fault.Data(CodeNoEnd, "no END card in %d bytes of header", len(raw))
	}
	if err != nil {
		return nil, err
	}
	return newHDU(index, offset, Pad(int64(end)), header)
}

// ParseStart reads what the first block of a header says of an HDU: all but its
// Header, and its HeaderSize, which is 0 unless the header ends there. EXTNAME
// stands there, or is not seen.
func ParseStart(raw []byte, index int, offset int64) (*HDU, error) {
	raw = raw[:min(Block, len(raw)/cardSize*cardSize)]
	size := int64(0)
	if end, _ := findEnd(raw); end >= 0 {
		raw, size = raw[:end], Block
	}
	header, _, err := parseHeader(append(append(make([]byte, 0, len(raw)+cardSize), raw...), endCard...))
	if err != nil {
		return nil, err
	}
	h, err := newHDU(index, offset, size, header)
	if err != nil {
		return nil, err
	}
	h.Header = nil
	return h, nil
}

// DataOffset is where the data start.
func (h *HDU) DataOffset() int64 { return h.Offset + h.HeaderSize }

// Length is the size of header and data with their padding.
func (h *HDU) Length() int64 { return h.HeaderSize + Pad(h.DataSize) }

// End is where the next HDU starts.
func (h *HDU) End() int64 { return h.Offset + h.Length() }

// String names the HDU as errors do, e.g. "HDU 3 (3-4.F.SCI)".
func (h *HDU) String() string {
	if h.Name == "" {
		return fmt.Sprintf("HDU %d", h.Index)
	}
	return fmt.Sprintf("HDU %d (%s)", h.Index, h.Name)
}

// newHDU reads from a header what kind of HDU it is and how large.
func newHDU(index int, offset, headerSize int64, header *Header) (*HDU, error) {
	h := &HDU{Index: index, Offset: offset, HeaderSize: headerSize, Header: header}
	header.place = h.String()
	var err error
	if header.Has("EXTNAME") {
		h.Name, h.Unnamed = header.Text("EXTNAME")
	}
	header.place = h.String()
	if h.Kind, err = kindOf(header, index == 0); err != nil {
		return nil, err
	}
	if h.DataSize, err = header.dataSize(h.Kind); err != nil {
		return nil, err
	}
	return h, nil
}

// kindOf reads the first card, which says what the HDU is.
func kindOf(h *Header, primary bool) (string, error) {
	first := ""
	if len(h.cards) > 0 {
		first = strings.TrimRight(h.cards[0][:8], " ")
	}
	switch {
	case primary && first == "SIMPLE":
		simple, err := h.Bool("SIMPLE")
		if err == nil && !simple {
			err = fault.Data(CodeNotFITS, "SIMPLE is F: the file itself says that it doesn't conform to FITS, and readers differ in what they make of it").At("%s", h.place).Fix("compare the file with the archive's: where they differ copy it again, else %s", fromAuthor)
		}
		return "PRIMARY", err
	case !primary && first == "XTENSION":
		kind, err := h.Text("XTENSION")
		return strings.TrimSpace(kind), err
	case primary:
		return "", fault.Data(CodeGarbled, "first card is %q, not SIMPLE", first).At("%s", h.place)
	}
	return "", fault.Data(CodeGarbled, "first card is %q, not XTENSION", first).At("%s", h.place)
}

// dataSize computes the size of the data from the structure keywords
// (FITS 4.0, equations 1, 2 and 4).
func (h *Header) dataSize(kind string) (int64, error) {
	bitpix, err := h.structural("BITPIX", -64, 64)
	if err != nil {
		return 0, err
	}
	switch bitpix {
	case 8, 16, 32, 64, -32, -64:
	default:
		return 0, h.fault("BITPIX", fmt.Errorf("%d is none of 8, 16, 32, 64, -32, -64", bitpix))
	}
	naxis, err := h.structural("NAXIS", 0, 999)
	if err != nil || naxis == 0 {
		return 0, err
	}
	groups := false
	count := int64(1)
	for i := int64(1); i <= naxis; i++ {
		key := fmt.Sprintf("NAXIS%d", i)
		n, err := h.structural(key, 0, math.MaxInt64)
		if err != nil {
			return 0, err
		}
		if i == 1 && n == 0 && kind == "PRIMARY" && naxis > 1 && h.Has("GROUPS") {
			if groups, err = h.Bool("GROUPS"); err != nil {
				return 0, err
			} else if groups {
				continue // random groups: NAXIS1 = 0 marks them and doesn't count
			}
		}
		if count, err = h.multiply(key, count, n); err != nil {
			return 0, err
		}
	}
	pcount, gcount := int64(0), int64(1)
	if kind != "PRIMARY" || groups {
		if pcount, err = h.structural("PCOUNT", 0, math.MaxInt64); err != nil {
			return 0, err
		}
		if gcount, err = h.structural("GCOUNT", 0, math.MaxInt64); err != nil {
			return 0, err
		}
	}
	if count > math.MaxInt64-pcount {
		return 0, h.fault("PCOUNT", errOverflow)
	}
	if count, err = h.multiply("GCOUNT", count+pcount, gcount); err != nil {
		return 0, err
	}
	return h.multiply("BITPIX", count, max(bitpix, -bitpix)/8)
}

var errOverflow = fmt.Errorf("the data would be larger than any file")

// multiply multiplies sizes and refuses what no file could hold.
func (h *Header) multiply(key string, a, b int64) (int64, error) {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi != 0 || lo > math.MaxInt64/2 {
		return 0, h.fault(key, errOverflow)
	}
	return int64(lo), nil
}
