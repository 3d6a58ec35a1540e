package euclid

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/objstore"
)

const (
	// What gzipped files may hold, in bytes: a catalogue of Q1 has up to 150 MB, a
	// PSF 21 MB.
	mostCatalog = 1 << 30
	mostPSF     = 256 << 20
	// mostRatio is by how much a file of some size may grow: tables of zeros and
	// blanks shrink that much. anyRatio is what it may grow to in any case.
	mostRatio = 100
	anyRatio  = 64 << 20
	// packedHead is how much of a gzipped mosaic is looked at, for its headers.
	packedHead = 1 << 20
)

// Gzipped says whether a file is read as what it holds unpacked.
func (f File) Gzipped() bool { return strings.HasSuffix(f.URI, gzipped) }

// eitherWay reads a file as its name says, gzipped or not, and one that is gzipped
// after all, as that: mirrors call files as they like.
func eitherWay(f File, read func(gzipped bool) error) error {
	err := read(f.Gzipped())
	if !f.Gzipped() && fault.CodeOf(err) == fits.CodeCompressed {
		return read(true)
	}
	return err
}

// inflate reads a gzipped object from its beginning, by one request. One that isn't
// gzipped, whatever its name says, is read as it is: servers unpack files on their way.
func inflate(ctx context.Context, r objstore.Reader, f File, use func(io.Reader) error) error {
	body, err := r.Get(ctx, f.URI, f.ETag, objstore.Range{Length: f.Size})
	if err != nil {
		return err
	}
	defer body.Close()
	from := &source{r: body}
	begin := bufio.NewReader(from)
	is, _ := begin.Peek(len("SIMPLE  =")) // a file that is shorter is none of both
	if string(is) == "SIMPLE  =" {
		err = use(begin)
	} else {
		err = members(begin, use)
	}
	var known *fault.Error
	var corrupt flate.CorruptInputError
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case from.err != nil && !errors.Is(from.err, io.EOF):
		return fmt.Errorf("read %s: %w", f.URI, from.err)
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &corrupt):
		return fault.Data("GzipInvalid", "its name says that it is gzipped, and it can't be unpacked: %w", err).On(f.URI).
			Fix("try it with gunzip: if that fails too, compare it with the archive's, and where they differ copy it again; if not, put what it makes in its place")
	}
	return fmt.Errorf("unpack %s: %w", f.URI, err)
}

// members reads the members of a gzip file (RFC 1952) one after the other. Zeros
// behind the last one are padding, as tapes and gunzip have it.
func members(from *bufio.Reader, use func(io.Reader) error) error {
	z, err := gzip.NewReader(from)
	if err != nil {
		return err
	}
	z.Multistream(false)
	return use(&memberReader{z, from})
}

type memberReader struct {
	z    *gzip.Reader
	from *bufio.Reader
}

func (m *memberReader) Read(p []byte) (int, error) {
	n, err := m.z.Read(p)
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	for {
		b, err := m.from.ReadByte()
		if err != nil {
			return n, err // io.EOF at the end
		}
		if b != 0 {
			break
		}
	}
	if err := m.from.UnreadByte(); err != nil {
		return n, err
	}
	if err := m.z.Reset(m.from); err != nil {
		return n, fmt.Errorf("behind the data: %w", err)
	}
	m.z.Multistream(false)
	return n, nil
}

// source remembers how reading a body ended.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (n int, err error) {
	n, err = s.r.Read(p)
	s.err = err
	return n, err
}

// unpacked is what a gzipped object holds, in a temporary file without a name.
// It is an objstore.Reader of that one object.
type unpacked struct {
	*os.File
	size int64
	of   File
}

// unpack unpacks an object, and refuses one that holds more than such a file can.
func unpack(ctx context.Context, r objstore.Reader, f File, most int64) (_ *unpacked, err error) {
	most = min(most, max(anyRatio, mostRatio*f.Size))
	u := &unpacked{of: f}
	if u.File, err = scratchFile(); err != nil {
		return nil, fmt.Errorf("hold what %s unpacks to: %w", f.URI, err)
	}
	err = inflate(ctx, r, f, func(z io.Reader) error {
		if u.size, err = io.Copy(u.File, io.LimitReader(z, most+1)); err == nil && u.size > most {
			err = fault.Data("GzipTooLarge", "%d bytes unpack to more than %d", f.Size, most).On(f.URI).
				Fix("no such file is expected to: look at it, and if it is right, put it there unpacked (gunzip)")
		}
		return err
	})
	if err != nil {
		u.Close()
		return nil, err
	}
	return u, nil
}

func (u *unpacked) Stat(context.Context, string) (objstore.Info, error) {
	return objstore.Info{URI: u.of.URI, Size: u.size, ETag: u.of.ETag}, nil
}

func (u *unpacked) Get(_ context.Context, _, _ string, r objstore.Range) (io.ReadCloser, error) {
	return io.NopCloser(io.NewSectionReader(u.File, r.Offset, r.Length)), nil
}

// head is the beginning of what a gzipped object holds, and the size that it is
// to be taken for: its own where it ends there, else more than any file's.
func head(ctx context.Context, r objstore.Reader, f File) (io.ReaderAt, int64, error) {
	var raw []byte
	err := inflate(ctx, r, f, func(z io.Reader) (err error) {
		raw, err = io.ReadAll(io.LimitReader(z, packedHead))
		return err
	})
	size := int64(len(raw))
	if size == packedHead {
		size = 1 << 50
	}
	return bytes.NewReader(raw), size, err
}

// Unpacked is a store's objects, some gzipped ones of them as what they hold.
type Unpacked struct {
	objstore.Reader
	files map[string]*unpacked
}

// Unpack gives the exposures' gzipped PSF files as what they hold: the exposures
// that it returns have these files' sizes unpacked, and are to be read by what it
// returns. Close it when done.
func Unpack(ctx context.Context, r objstore.Reader, exposures []Exposure) (*Unpacked, []Exposure, error) {
	u := &Unpacked{r, map[string]*unpacked{}}
	var out []Exposure
	for _, e := range exposures {
		if e.PSF.Gzipped() {
			if u.files[e.PSF.URI] == nil {
				file, err := unpack(ctx, r, e.PSF, mostPSF)
				if err != nil {
					u.Close()
					return nil, nil, err
				}
				u.files[e.PSF.URI] = file
			}
			e.PSF.Size = u.files[e.PSF.URI].size
		}
		out = append(out, e)
	}
	return u, out, nil
}

// Get reads a part of an object.
func (u *Unpacked) Get(ctx context.Context, uri, etag string, r objstore.Range) (io.ReadCloser, error) {
	if f := u.files[uri]; f != nil {
		return f.Get(ctx, uri, etag, r)
	}
	return u.Reader.Get(ctx, uri, etag, r)
}

// Stored is a file as it lies in the store.
func (u *Unpacked) Stored(f File) File {
	if p := u.files[f.URI]; p != nil {
		return p.of
	}
	return f
}

// Close frees what was unpacked.
func (u *Unpacked) Close() {
	for _, f := range u.files {
		f.Close() // a temporary file that is gone already
	}
}
