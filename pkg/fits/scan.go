package fits

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/cosmostat/constellation/pkg/fault"
)

// Sizes of the reads that headers are fetched with. The first one usually holds
// the primary header and the first extension's; later ones are as large as the
// largest extension header so far, so that files of many like HDUs cost one
// small request each.
const (
	firstWindow = 12 * Block
	laterWindow = 8 * Block
	widest      = 96 * Block // one huge header doesn't make all reads huge
	// padding is the most that may follow the last HDU, if it is zeros.
	padding = 1 << 20
)

// Scan calls visit for each HDU in the order of the file until visit says that
// it needs no more or fails. It reads headers only. That every HDU visited lies
// wholly within size is checked before visit sees it.
func Scan(r io.ReaderAt, size int64, visit func(*HDU) (more bool, err error)) error {
	s := scanner{r: r, size: max(size, 0), window: firstWindow}
	longest := int64(0)
	for index, offset := 0, int64(0); index == 0 || offset < size; index++ {
		if over, err := s.over(offset, longest); err != nil {
			return at(err, fmt.Sprintf("HDU %d", index))
		} else if over {
			return nil
		}
		h, err := s.next(index, offset)
		if err != nil {
			return err
		}
		longest = max(longest, h.Length())
		if more, err := visit(h); err != nil || !more {
			return err
		}
		offset = h.End()
	}
	return nil
}

// ReadIndex returns all HDUs of a file.
func ReadIndex(r io.ReaderAt, size int64) ([]*HDU, error) {
	var all []*HDU
	err := Scan(r, size, func(h *HDU) (bool, error) {
		all = append(all, h)
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// scanner reads headers through one window of the file.
type scanner struct {
	r       io.ReaderAt
	size    int64
	window  int64 // size of the next fresh read
	largest int64 // extension header so far
	vain    int   // reads of headers that turned out not to be where they were guessed

	whole    func(name string) bool
	inTurn   bool // some of the headers are wanted, after the same number of others each time
	shuffled bool // it only seemed so
	doubted  int  // HDUs before this one are read: it wasn't where they should end
	nameless bool // first blocks don't tell whose headers are wanted

	buf []byte
	at  int64 // where buf lies in the file
}

// next reads the header at offset.
func (s *scanner) next(index int, offset int64) (*HDU, error) {
	place := fmt.Sprintf("HDU %d", index)
	for need := int64(Block); ; need = min(2*need, MaxHeader) {
		raw, err := s.bytes(offset, need)
		if err != nil {
			return nil, at(err, place)
		}
		if err := checkStart(raw, index, offset); err != nil {
			return nil, at(err, place)
		}
		header, end, err := parseHeader(raw)
		if err != nil {
			return nil, at(err, place)
		}
		if header != nil {
			return s.admit(index, offset, Pad(int64(end)), header)
		}
		switch {
		case int64(len(raw)) >= MaxHeader:
			return nil, fault.Data(CodeTooLarge, "no END card in the first %d bytes of the header", len(raw)).At("%s", place)
		case offset+int64(len(raw)) >= s.size:
			return nil, truncated("the file ends within the header that starts at byte %d", offset).At("%s", place)
		}
		need = max(need, int64(len(raw)))
	}
}

// admit makes the HDU of a header and checks it against the size of the file.
func (s *scanner) admit(index int, offset, headerSize int64, header *Header) (*HDU, error) {
	h, err := newHDU(index, offset, headerSize, header)
	if err != nil {
		return nil, err
	}
	if err := s.within(h); err != nil {
		return nil, err
	}
	s.widen(h)
	return h, nil
}

// widen has later reads hold headers like this one.
func (s *scanner) widen(h *HDU) {
	if h.Index == 0 {
		s.window = laterWindow
		return
	}
	s.largest = max(s.largest, h.HeaderSize)
	s.window = min(s.largest, widest)
}

// over says whether nothing but zeros follows, as some writers and tapes leave
// behind the last HDU. What could be the place of an HDU like those before it,
// which are longest at most, is not taken for that: it may have been lost.
func (s *scanner) over(offset, longest int64) (bool, error) {
	rest := s.size - offset
	if rest >= longest || rest > padding {
		return false, nil
	}
	raw, err := s.bytes(offset, min(rest, Block))
	if err != nil || !zeros(raw[:min(rest, int64(len(raw)))]) {
		return false, err
	}
	raw, err = s.bytes(offset, rest)
	return err == nil && zeros(raw), err
}

func zeros(raw []byte) bool { return len(bytes.Trim(raw, "\x00")) == 0 }

// within refuses an HDU that the file is too short for. Padding is no loss.
func (s *scanner) within(h *HDU) error {
	if rest := s.size - h.DataOffset(); rest < 0 || h.DataSize > rest {
		return truncated("header and data need %d bytes from byte %d, the file ends at %d", h.Length(), h.Offset, s.size).At("%s", h)
	}
	return nil
}

// bytes returns at least need bytes from offset on, or fewer where the file ends.
// What the window holds is not read again.
func (s *scanner) bytes(offset, need int64) ([]byte, error) {
	need = min(need, s.size-offset)
	if have := s.held(offset); int64(len(have)) >= need && need > 0 {
		return have, nil
	} else if len(have) > 0 {
		s.buf = append(s.buf[:0], have...)
	} else {
		s.buf = s.buf[:0]
	}
	s.at = offset
	held := int64(len(s.buf))
	want := min(max(need, s.window, held+Block), s.size-offset)
	if int64(cap(s.buf)) < want {
		s.buf = append(make([]byte, 0, want), s.buf...)
	}
	s.buf = s.buf[:want]
	n, err := s.r.ReadAt(s.buf[held:], offset+held)
	if int64(n) == want-held {
		return s.buf, nil
	}
	s.buf = s.buf[:held+int64(n)]
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, truncated("the file ends at byte %d although its size is said to be %d", offset+held+int64(n), s.size)
	}
	return nil, fmt.Errorf("read header at byte %d: %w", offset, err)
}

// held returns what the window holds from offset on.
func (s *scanner) held(offset int64) []byte {
	if offset < s.at || offset >= s.at+int64(len(s.buf)) {
		return nil
	}
	return s.buf[offset-s.at:]
}

// checkStart refuses what can't be a header by its first bytes, before more of
// it is read.
func checkStart(raw []byte, index int, offset int64) error {
	switch {
	case index == 0 && bytes.HasPrefix(raw, []byte{0x1f, 0x8b}):
		return fault.Data(CodeCompressed, "the file is compressed with gzip").Fix("decompress it: parts of compressed files can't be read")
	case index == 0 && len(raw) == 0:
		return fault.Data(CodeNotFITS, "the file is empty").Fix("compare its size with the archive's: where they differ copy it again, else %s", fromAuthor)
	case index == 0 && !bytes.HasPrefix(raw, []byte("SIMPLE  =")):
		return fault.Data(CodeNotFITS, "not a FITS file: it starts with %q", raw[:min(len(raw), 16)]).
			Fix("look at what it is: a page that says why the file isn't there, another format, or nothing of the survey's; put the FITS file in its place, or remove it")
	case len(raw) < Block:
		return truncated("the file ends %d bytes after byte %d, within a block", len(raw), offset)
	case index > 0 && !bytes.HasPrefix(raw, []byte("XTENSION=")):
		return fault.Data(CodeGarbled, "no extension at byte %d: found %q", offset, raw[:16]).
			Fix("the sizes in the header before it are wrong, or something is behind the last HDU that is neither one nor a few zeros: compare the file with the archive's; if it is the same, %s", fromAuthor)
	}
	return nil
}

func truncated(format string, a ...any) *fault.Error {
	return fault.Data(CodeTruncated, format, a...).Fix("the file is incomplete, or a header in it wrong: compare it with the archive's: where they differ copy it again, else %s", fromAuthor)
}

// at names the HDU in an error that has no place yet, and leaves others alone.
func at(err error, place string) error {
	if e, ok := err.(*fault.Error); ok {
		if e.Place == "" || e.Place == "header" {
			e.Place = place
		}
		return e
	}
	return fmt.Errorf("%s: %w", place, err)
}
