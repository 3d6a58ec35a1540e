package simulate

import (
	"compress/gzip"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// piece is a run of a file: bytes, then zeros that nobody has to write.
type piece struct {
	bytes []byte
	hole  int64
}

// file is an object to write: a head and parts that are made in parallel and
// written in order, a bounded number at a time. One that is called .gz is gzipped.
type file struct {
	path  string // below the base
	head  []byte
	parts int
	part  func(i int) ([]piece, error)
}

// write makes and uploads a file. It returns its size.
func (f file) write(ctx context.Context, create func(context.Context, string) (objstore.Upload, error), base string, workers int) (int64, error) {
	up, err := create(ctx, objstore.Join(base, f.path))
	if err != nil {
		return 0, err
	}
	defer up.Abort()
	var w io.Writer = up
	var z *gzip.Writer
	if strings.HasSuffix(f.path, ".gz") {
		z = gzip.NewWriter(up)
		w = z
	}
	if _, err := w.Write(f.head); err != nil {
		return 0, err
	}
	size := int64(len(f.head))
	err = ordered(ctx, f.parts, workers, f.part, func(pieces []piece) error {
		for _, p := range pieces {
			if _, err := w.Write(p.bytes); err != nil {
				return err
			}
			if err := skip(w, p.hole); err != nil {
				return err
			}
			size += int64(len(p.bytes)) + p.hole
		}
		return nil
	})
	if err == nil && z != nil {
		err = z.Close()
	}
	if err != nil {
		return 0, fmt.Errorf("simulate %s: %w", f.path, err)
	}
	info, err := up.Commit()
	if err == nil && z != nil {
		size = info.Size
	}
	return size, err
}

// skip writes n zeros, as a hole where the upload can.
func skip(w io.Writer, n int64) error {
	if s, ok := w.(interface{ Skip(n int64) error }); ok {
		return s.Skip(n)
	}
	_, err := io.CopyN(w, zeros{}, n)
	return err
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// ordered makes n values with some workers and hands them on in order. No more
// than about workers values exist at a time.
func ordered[T any](ctx context.Context, n, workers int, produce func(i int) (T, error), consume func(T) error) error {
	g, ctx := errgroup.WithContext(ctx)
	queue := make(chan chan T, max(workers-1, 0))
	g.Go(func() error {
		defer close(queue)
		for i := range n {
			slot := make(chan T, 1)
			select {
			case queue <- slot:
			case <-ctx.Done():
				return ctx.Err()
			}
			g.Go(func() error {
				v, err := produce(i)
				if err == nil {
					slot <- v
				}
				return err
			})
		}
		return nil
	})
	g.Go(func() error {
		for slot := range queue {
			select {
			case v := <-slot:
				if err := consume(v); err != nil {
					return err
				}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	return g.Wait()
}

// holes creates files with holes: in directories only, below a hidden name
// until they are whole, like the store's own. The store itself has no notion
// of a hole, as objects have none.
func holes(ctx context.Context, uri string) (objstore.Upload, error) {
	path := strings.TrimPrefix(uri, "file://")
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, fault.Input(objstore.NotWritable, "make its directory: %w", err).On(uri)
	}
	// Unlike a temporary file it has the mode that the umask gives.
	f, err := os.OpenFile(filepath.Join(filepath.Dir(path), ".constellation-upload-"+rand.Text()), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, fault.Input(objstore.NotWritable, "%w", err).On(uri)
	}
	return &sparse{File: f, ctx: ctx, uri: uri, path: path}, nil
}

// local says whether a URI is a directory's.
func local(uri string) bool {
	return !strings.Contains(uri, "://") || strings.HasPrefix(uri, "file://")
}

type sparse struct {
	*os.File
	ctx       context.Context
	uri, path string
	done      bool
}

func (u *sparse) Skip(n int64) error {
	_, err := u.Seek(n, io.SeekCurrent)
	return err
}

func (u *sparse) Commit() (objstore.Info, error) {
	if err := u.ctx.Err(); err != nil {
		return objstore.Info{}, err
	}
	size, err := u.commit()
	if err != nil {
		return objstore.Info{}, fault.New(fault.Unclassified, objstore.NotWritable, "%w", err).On(u.uri)
	}
	u.done = true
	return objstore.Info{URI: u.uri, Size: size}, nil
}

func (u *sparse) commit() (int64, error) {
	size, err := u.Seek(0, io.SeekCurrent)
	if err == nil {
		err = u.Truncate(size) // a hole at the very end
	}
	if err == nil {
		err = u.Close()
	}
	if err == nil {
		err = os.Rename(u.Name(), u.path)
	}
	return size, err
}

func (u *sparse) Abort() {
	if !u.done {
		u.Close()
		os.Remove(u.Name())
		u.done = true
	}
}
