package fits

import (
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
)

// Checksums are those of FITS 4.0, section 4.4.2.7 and appendix J: the sum of
// 32-bit words in ones' complement arithmetic, so that it doesn't depend on the
// order of blocks.

// Sum is a running checksum of data whose size is a multiple of 4 in the end;
// missing bytes count as zeros. It is an [io.Writer].
type Sum struct {
	total uint64
	rest  [4]byte
	n     int // bytes in rest
}

// Write adds p.
func (s *Sum) Write(p []byte) (int, error) {
	size := len(p)
	for s.n > 0 && len(p) > 0 {
		s.rest[s.n] = p[0]
		p = p[1:]
		if s.n++; s.n == len(s.rest) {
			s.add(binary.BigEndian.Uint32(s.rest[:]))
			s.n = 0
		}
	}
	// Pairs of words, whose carries have room for as many as a Write has.
	var high, low uint64
	for ; len(p) >= 8; p = p[8:] {
		pair := binary.BigEndian.Uint64(p)
		high, low = high+pair>>32, low+pair&0xffffffff
	}
	s.total = fold(fold(s.total + fold(high) + fold(low)))
	if len(p) >= 4 {
		s.add(binary.BigEndian.Uint32(p))
		p = p[4:]
	}
	if len(p) > 0 {
		s.rest = [4]byte{}
		s.n = copy(s.rest[:], p)
	}
	return size, nil
}

func (s *Sum) add(word uint32) { s.total = fold(s.total + uint64(word)) }

// fold brings the carry around, once: totals stay below 2^33.
func fold(total uint64) uint64 { return total&0xffffffff + total>>32 }

// Sum32 returns the checksum of what was written.
func (s *Sum) Sum32() uint32 {
	total := s.total
	if s.n > 0 {
		var word [4]byte
		copy(word[:], s.rest[:s.n])
		total += uint64(binary.BigEndian.Uint32(word[:]))
	}
	return uint32(fold(fold(total)))
}

// DataSum returns the checksum of data, the value of DATASUM. Padding with
// zeros doesn't change it.
func DataSum(data io.Reader) (uint32, error) {
	var s Sum
	if _, err := io.Copy(&s, data); err != nil {
		return 0, fmt.Errorf("sum of data: %w", err)
	}
	return s.Sum32(), nil
}

// Sign sets DATASUM and CHECKSUM for data of that sum, so that the sum over the
// whole HDU is zero. It must be the last change to the header.
func (h *Header) Sign(dataSum uint32) *Header {
	h.SetText("DATASUM", strconv.FormatUint(uint64(dataSum), 10), "data unit checksum")
	h.SetText("CHECKSUM", strings.Repeat("0", 16), "HDU checksum")
	var s Sum
	s.Write(h.Encode())
	s.add(dataSum)
	return h.SetText("CHECKSUM", encodeSum(^s.Sum32()), "HDU checksum")
}

// encodeSum writes a sum as 16 letters and digits that, as four words in the
// place where CHECKSUM stands, add up to the sum (appendix J.2).
func encodeSum(sum uint32) string {
	var out [16]byte
	for i := range 4 {
		b := int(sum >> (24 - 8*i) & 0xff)
		var part [4]int
		for j := range part {
			part[j] = b/4 + '0'
		}
		part[0] += b % 4
		for changed := true; changed; {
			changed = false
			for j := 0; j < 4; j += 2 {
				if punctuation(part[j]) || punctuation(part[j+1]) {
					part[j]++
					part[j+1]--
					changed = true
				}
			}
		}
		for j := range part {
			// A string value starts one byte off a word: rotate right by one.
			out[(4*j+i+1)%16] = byte(part[j])
		}
	}
	return string(out[:])
}

func punctuation(c int) bool { return c > '9' && c < 'A' || c > 'Z' && c < 'a' }

// Verify compares an HDU with its DATASUM and CHECKSUM. It reads all of the HDU.
// Where the header has neither, checked is false.
func Verify(h *HDU, r io.ReaderAt) (checked bool, err error) {
	c := NewCheck(h)
	if c == nil {
		return false, nil
	}
	if n, err := io.Copy(c, io.NewSectionReader(r, h.Offset, h.Length())); err != nil || n < h.HeaderSize+h.DataSize {
		return true, verifyRead(h, err)
	}
	return true, c.Close()
}

// Check compares an HDU that passes by with its DATASUM and CHECKSUM. It is an
// [io.Writer]: what is written are the HDU's bytes, header, data and padding.
type Check struct {
	hdu             *HDU
	dataSum, hduSum bool
	header, data    Sum
	n               int64 // bytes so far
}

// NewCheck makes a check of an HDU; nil where the header has neither keyword,
// or both are blank, which says that they were not computed.
func NewCheck(h *HDU) *Check {
	said := func(key string) bool {
		text, err := h.Header.Text(key)
		return err == nil && strings.TrimSpace(text) != ""
	}
	c := &Check{hdu: h, dataSum: said("DATASUM"), hduSum: said("CHECKSUM")}
	if !c.dataSum && !c.hduSum {
		return nil
	}
	return c
}

// Write adds p.
func (c *Check) Write(p []byte) (int, error) {
	size := len(p)
	if left := c.hdu.HeaderSize - c.n; left > 0 {
		head := p[:min(left, int64(len(p)))]
		c.header.Write(head)
		p = p[len(head):]
	}
	c.data.Write(p)
	c.n += int64(size)
	return size, nil
}

// Close says whether what was written, the whole HDU, is what the keywords say.
func (c *Check) Close() error {
	h := c.hdu
	if c.dataSum {
		want, err := h.Header.Int("DATASUM")
		if err != nil {
			return err
		}
		if got := c.data.Sum32(); want != int64(got) {
			return damaged(h, "DATASUM", "the data's checksum is %d, DATASUM says %d", got, want)
		}
	}
	if c.hduSum {
		c.header.add(c.data.Sum32())
		if got := c.header.Sum32(); got != 0xffffffff && got != 0 {
			return damaged(h, "CHECKSUM", "the HDU's sum is %#x, not zero", got)
		}
	}
	return nil
}

func damaged(h *HDU, key, format string, a ...any) error {
	return fault.Data(CodeChecksum, format, a...).At("%s, %s", h, key).Fix("compare the file with the archive's: where they differ copy it again, else its author wrote a checksum that is wrong")
}

func verifyRead(h *HDU, err error) error {
	if err == nil {
		return truncated("the file ends within the HDU").At("%s", h)
	}
	return fmt.Errorf("verify %s: %w", h, err)
}
