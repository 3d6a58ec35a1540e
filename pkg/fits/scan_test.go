package fits

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/astrogo/fitsio"
	"github.com/cosmostat/constellation/internal/testing/fitstest"
	"github.com/cosmostat/constellation/pkg/fault"
)

// small is a file of every kind of HDU that we write.
func small(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	write := func(h *Header, data []byte) {
		t.Helper()
		sum, _ := DataSum(bytes.NewReader(data))
		if err := WriteHDU(&b, h.Sign(sum), bytes.NewReader(data), int64(len(data))); err != nil {
			t.Fatal(err)
		}
	}
	write(NewPrimary().SetText("OBS_ID", "2681", "").SetText("ORIGIN", "it's a test, long enough to need another card & 'quotes' that are cut in between", ""), nil)
	write(NewImage(-32, 3, 2).SetText("EXTNAME", "3-4.F.SCI", "").SetText("MAGZEROP", "24.56605", ""), AppendFloat32(nil, []float32{1, -2, 3.5, 0, 1e30, 6}))
	write(NewImage(32, 5).SetText("EXTNAME", "3-4.F.FLG", ""), AppendInt32(nil, []int32{1, -1, 1 << 24, 0, -1 << 31}))
	cols, rows := sampleTable()
	write(NewTable(cols, int64(len(rows))).SetText("EXTNAME", "CATALOG", ""), bytes.Join(rows, nil))
	return b.Bytes()
}

func TestWrittenFilesPassOtherReaders(t *testing.T) {
	raw := small(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "small.fits")
	if err := os.WriteFile(path, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	primary := filepath.Join(dir, "primary.fits")
	var b bytes.Buffer
	if err := WriteHDU(&b, NewPrimaryImage(16, 2, 2), bytes.NewReader(make([]byte, 8)), 8); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(primary, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}

	f, err := fitsio.Open(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if n := len(f.HDUs()); n != 4 {
		t.Fatalf("fitsio sees %d HDUs", n)
	}
	pixels := make([]float32, 6)
	if err := f.HDU(1).(fitsio.Image).Read(&pixels); err != nil || !slices.Equal(pixels, []float32{1, -2, 3.5, 0, 1e30, 6}) {
		t.Errorf("fitsio reads %v, %v", pixels, err)
	}
	if c := f.HDU(1).Header().Get("MAGZEROP"); c == nil || c.Value != "24.56605" {
		t.Errorf("fitsio reads MAGZEROP %v", c)
	}
	table := f.HDU(3).(*fitsio.Table)
	if table.NumRows() != 2 || table.Col(1).Name != "OBJECT_ID" {
		t.Errorf("fitsio reads a table of %d rows, column %q", table.NumRows(), table.Col(1).Name)
	}
	fitstest.Verify(t, path, primary)
}

func TestBadFiles(t *testing.T) {
	good := small(t)
	all, err := ReadIndex(bytes.NewReader(good), int64(len(good)))
	if err != nil {
		t.Fatal(err)
	}
	edit := func(hdu int, from, to string) []byte {
		raw := bytes.Clone(good)
		at := bytes.Index(raw[all[hdu].Offset:], []byte(from))
		if at < 0 || len(from) != len(to) {
			t.Fatalf("can't edit %q", from)
		}
		copy(raw[int(all[hdu].Offset)+at:], to)
		return raw
	}
	for _, c := range []struct {
		name  string
		raw   []byte
		code  string
		named string
	}{
		{"empty", nil, CodeNotFITS, "HDU 0"},
		{"html", []byte("<html><body>Access Denied</body></html>"), CodeNotFITS, "<html>"},
		{"gzip", append([]byte{0x1f, 0x8b, 8, 0}, good...), CodeCompressed, "decompress"},
		{"cut in the first block", good[:1000], CodeTruncated, "HDU 0"},
		{"cut in a header", good[:all[3].Offset+Block/2], CodeTruncated, "HDU 3"},
		{"cut before END", edit(2, padCard("END"), padCard("COMMENT")), CodeKeyword, "HDU 2"},
		{"cut in data", good[:all[3].DataOffset()+3], CodeTruncated, "CATALOG"},
		{"cut in data by the last byte", good[:all[3].DataOffset()+all[3].DataSize-1], CodeTruncated, "CATALOG"},
		{"cut by a block", good[:len(good)-Block], CodeTruncated, "HDU 3"},
		{"trailing bytes", append(bytes.Clone(good), "junk"...), CodeTruncated, "HDU 4"},
		{"a trailing block of blanks", append(bytes.Clone(good), bytes.Repeat([]byte(" "), Block)...), CodeGarbled, "HDU 4"},
		{"zeros, and then not", append(append(bytes.Clone(good), make([]byte, Block)...), 1), CodeGarbled, "HDU 4"},
		{"zeros in the place of an HDU", append(bytes.Clone(good), make([]byte, all[3].Length())...), CodeGarbled, "HDU 4"},
		{"the last HDU zeroed", append(bytes.Clone(good[:all[3].Offset]), make([]byte, all[3].Length())...), CodeGarbled, "HDU 3"},
		{"an HDU zeroed within", slices.Concat(good[:all[2].Offset], make([]byte, all[2].Length()), good[all[3].Offset:]), CodeGarbled, "HDU 2"},
		{"two primaries", append(bytes.Clone(good), NewPrimary().Encode()...), CodeGarbled, "no extension"},
		{"NAXIS1 too large", edit(1, "NAXIS1  =                    3", "NAXIS1  =             30000000"), CodeTruncated, "3-4.F.SCI"},
		{"NAXIS1 overflows", edit(1, "NAXIS1  =                    3", "NAXIS1  =  9223372036854775807"), CodeKeyword, "NAXIS1"},
		{"NAXIS1 negative", edit(1, "NAXIS1  =                    3", "NAXIS1  =                   -3"), CodeKeyword, "NAXIS1"},
		{"NAXIS1 quoted", edit(1, "NAXIS1  =                    3", "NAXIS1  = '3'                 "), CodeKeyword, "NAXIS1"},
		{"NAXIS2 gone", edit(1, "NAXIS2  ", "NAXIS3  "), CodeKeyword, "NAXIS2"},
		{"NAXIS huge", edit(1, "NAXIS   =                    2", "NAXIS   =                 1000"), CodeKeyword, "NAXIS"},
		{"BITPIX 7", edit(1, "BITPIX  =                  -32", "BITPIX  =                    7"), CodeKeyword, "BITPIX"},
		{"PCOUNT huge", edit(3, "PCOUNT  =                    0", "PCOUNT  =  9223372036854775807"), CodeKeyword, "PCOUNT"},
		{"GCOUNT gone", edit(1, "GCOUNT", "GCOUNX"), CodeKeyword, "GCOUNT"},
		{"NAXIS1 twice", edit(1, "MAGZEROP= '24.56605'          ", "NAXIS1  =                    2"), CodeKeyword, "NAXIS1: card 4 says \"3\""},
		{"NAXIS1 in lower case, too", edit(1, "MAGZEROP= '24.56605'          ", "naxis1  =                    2"), CodeKeyword, "NAXIS1"},
		{"data shifted", slices.Insert(bytes.Clone(good), int(all[2].Offset), make([]byte, Block)...), CodeGarbled, "HDU 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ReadIndex(bytes.NewReader(c.raw), int64(len(c.raw)))
			wantFault(t, err, c.code, c.named)
			_, again := ReadIndexParallel(bytes.NewReader(c.raw), int64(len(c.raw)), 4, nil)
			if again == nil || again.Error() != err.Error() {
				t.Errorf("in parallel: %v, want %v", again, err)
			}
		})
	}
	_, err = ReadIndex(bytes.NewReader(good[:5000]), int64(len(good)))
	wantFault(t, err, CodeTruncated, "HDU 0", "said to be")

	lost := fault.Passing("ConnectionLost", "reset by peer")
	c := &counted{r: bytes.NewReader(good), failAt: all[1].Offset + 10, failure: lost}
	if _, err := ReadIndex(c, int64(len(good))); fault.KindOf(err) != fault.Transient || !errors.Is(err, lost) {
		t.Errorf("a transient failure became %v", err)
	}
}

func TestHeaderIsBounded(t *testing.T) {
	// A header without END in a file of a terabyte: stops at MaxHeader.
	first := rawHeader("SIMPLE  =                    T")[:Block-cardSize*35]
	r := &endless{first: append(first, bytes.Repeat([]byte(" "), Block)...)}
	c := &counted{r: r}
	_, err := ReadIndex(c, 1<<40)
	wantFault(t, err, CodeTooLarge, "HDU 0")
	if n := c.bytes.Load(); n > 2*MaxHeader {
		t.Errorf("%d bytes read", n)
	}
}

// endless is a file of blanks after its first bytes.
type endless struct{ first []byte }

func (e *endless) ReadAt(p []byte, off int64) (int, error) {
	for i := range p {
		p[i] = ' '
		if off+int64(i) < int64(len(e.first)) {
			p[i] = e.first[off+int64(i)]
		}
	}
	return len(p), nil
}

func TestRandomGroups(t *testing.T) {
	raw := rawHeader("SIMPLE  =                    T", "BITPIX  =                   16", "NAXIS   =                    3",
		"NAXIS1  =                    0", "NAXIS2  =                    5", "NAXIS3  =                    7",
		"GROUPS  =                    T", "PCOUNT  =                    3", "GCOUNT  =                   11")
	raw = append(raw, make([]byte, Block)...)
	all, err := ReadIndex(bytes.NewReader(raw), int64(len(raw)))
	if err != nil || all[0].DataSize != 2*11*(3+35) {
		t.Errorf("%+v, %v", all, err)
	}
}

// What follows the last HDU without saying anything is no reason to refuse a
// file, nor is it that the last block isn't filled.
func TestEndsOfFiles(t *testing.T) {
	good := small(t)
	all, err := ReadIndex(bytes.NewReader(good), int64(len(good)))
	if err != nil {
		t.Fatal(err)
	}
	last := all[len(all)-1]
	for name, raw := range map[string][]byte{
		"a zero":               append(bytes.Clone(good), 0),
		"a block of zeros":     append(bytes.Clone(good), make([]byte, Block)...),
		"a block and a bit":    append(bytes.Clone(good), make([]byte, Block+512)...),
		"no padding":           good[:last.DataOffset()+last.DataSize],
		"some of the padding":  good[:last.End()-1],
		"padded beyond blocks": append(bytes.Clone(good), make([]byte, last.Length()-1)...),
	} {
		got, err := ReadIndex(bytes.NewReader(raw), int64(len(raw)))
		if err != nil || len(got) != len(all) {
			t.Errorf("%s: %d HDUs, %v", name, len(got), err)
			continue
		}
		parallel, err := ReadIndexParallel(bytes.NewReader(raw), int64(len(raw)), 4, nil)
		if err != nil || len(parallel) != len(all) {
			t.Errorf("%s: %d HDUs in parallel, %v", name, len(parallel), err)
		}
		for i, h := range got {
			if h.Offset != all[i].Offset || h.Length() != all[i].Length() || h.Name != all[i].Name {
				t.Errorf("%s: %s lies at %d, %d bytes", name, h, h.Offset, h.Length())
			}
			if checked, err := Verify(h, bytes.NewReader(raw)); !checked || err != nil {
				t.Errorf("%s: %s: %v", name, h, err)
			}
		}
	}
}
