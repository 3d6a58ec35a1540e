package objstore

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/cosmostat/constellation/pkg/fault"
)

// S3 takes 10,000 parts of 5 MiB to 5 GiB, and objects of 5 TiB.
func TestPartSizes(t *testing.T) {
	var total int64
	for n := int32(1); n <= 10_000; n++ {
		size := sizeOfPart(n)
		if size < 5<<20 || size > 5<<30 {
			t.Fatalf("part %d has %d bytes", n, size)
		}
		total += size
	}
	if total < 5<<40 {
		t.Errorf("10,000 parts hold %d bytes", total)
	}
	if sizeOfPart(1) != 5<<20 || sizeOfPart(900) != 5<<20 || sizeOfPart(901) != 10<<20 {
		t.Error("the first 900 parts are not 5 MiB")
	}
}

func TestChunks(t *testing.T) {
	data := make([]byte, 3*ChunkSize+777)
	for i := range data {
		data[i] = byte(i * 7 / 5)
	}
	for _, size := range []int{0, 1, ChunkSize - 1, ChunkSize, ChunkSize + 1, len(data)} {
		var c Buffer
		if err := c.Append(t.Context(), data[:size/3]); err != nil {
			t.Fatal(err)
		}
		for rest := data[size/3 : size]; len(rest) > 0; {
			shared, err := NewChunk(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := shared.Fill(bytes.NewReader(rest), int64(len(rest))); err != nil {
				t.Fatal(err)
			}
			c.share(shared)
			rest = rest[len(shared.Bytes()):]
			shared.Release()
		}
		if err := iotest.TestReader(c.reader(), data[:size]); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
		r := c.reader()
		r.Seek(-int64(size/2), io.SeekEnd)
		if got, _ := io.ReadAll(r); !bytes.Equal(got, data[size-size/2:size]) {
			t.Errorf("%d bytes: the second half differs", size)
		}
		c.Free()
	}
}

// Memory is waited for as long as some will come back, and no longer: parts
// that are not full yet need some to get anywhere.
func TestMemoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(4)
		take := func(ctx context.Context) *Chunk {
			c, err := p.get(ctx)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		var all []*Chunk
		for range 6 { // nothing is on its way
			all = append(all, take(t.Context()))
		}
		got := make(chan *Chunk)
		waits := func() bool {
			go func() { got <- take(t.Context()) }()
			synctest.Wait()
			select {
			case c := <-got:
				c.Release()
				return false
			default:
				return true
			}
		}
		goesOn := func() bool {
			synctest.Wait()
			select {
			case c := <-got:
				c.Release()
				return true
			default:
				return false
			}
		}
		half := p.send(&Buffer{list: all[:2]})
		again := p.send(&Buffer{list: all[:2]}) // the same memory to another object
		if waits() {
			t.Error("a wait with half of the memory on its way: who fills a part needs more")
		}
		more := p.send(&Buffer{list: all[2:3]})
		if !waits() {
			t.Error("no wait with 6 of 4 in use and 3 on their way")
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		if c, err := p.get(ctx); err == nil {
			t.Errorf("%v with 6 of 4 in use and 3 on their way", c)
		}
		half()
		if goesOn() {
			t.Error("no wait while the same memory goes to another object")
		}
		more()
		if !goesOn() {
			t.Error("a wait with half of the memory on its way")
		}
		more = p.send(&Buffer{list: all[2:3]})
		if !waits() {
			t.Error("no wait with 3 on their way again")
		}
		for _, c := range all[3:] {
			c.Release()
		}
		if !goesOn() {
			t.Error("a wait with 3 of 4 in use")
		}
		again()
		more()
		if p.sending != 0 || p.out != 3 {
			t.Errorf("%d on their way, %d in use at the end", p.sending, p.out)
		}
	})
}

func TestWriteFault(t *testing.T) {
	for _, test := range []struct {
		err  error
		kind fault.Kind
		code string
	}{
		{syscall.ENOSPC, fault.BadInput, NotWritable},
		{syscall.EDQUOT, fault.BadInput, NotWritable},
		{syscall.EACCES, fault.BadInput, NotWritable},
		{syscall.EROFS, fault.BadInput, NotWritable},
		{syscall.ENOTDIR, fault.BadInput, NotWritable},
		{fs.ErrExist, fault.BadInput, NotWritable},
		{syscall.EIO, fault.Transient, ServerError},
		{syscall.ENAMETOOLONG, fault.BadInput, Refused},
	} {
		err := writeFault("write", "/x", &os.PathError{Op: "write", Path: "/x", Err: test.err})
		if fault.KindOf(err) != test.kind || fault.CodeOf(err) != test.code || !errors.Is(err, test.err) {
			t.Errorf("%v: %v (%s, %s)", test.err, err, fault.KindOf(err), fault.CodeOf(err))
		}
	}
	if err := fileFault("read", "/x", syscall.EACCES); fault.CodeOf(err) != AccessDenied {
		t.Errorf("a read that is refused: %v", err)
	}
}

func BenchmarkReadBody(b *testing.B) {
	data := make([]byte, 64<<20)
	buffer := make([]byte, 128<<10)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		r := newBody(b.Context(), "", part{body: io.NopCloser(bytes.NewReader(data)), size: int64(len(data))}, 0, nil)
		io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{r}, buffer)
	}
}
