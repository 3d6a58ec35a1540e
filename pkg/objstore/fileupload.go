package objstore

import (
	"context"
	"crypto/rand"
	"io"
	"os"
	"path/filepath"
)

// Create writes to a hidden file in the same directory, which Commit renames.
// The rename is atomic; it is not forced to the disk, since a pod whose machine
// loses power is re-run as a whole.
func (s *fileStore) Create(ctx context.Context, uri string) (Upload, error) {
	path, err := objectPath(uri)
	if err != nil {
		return nil, err
	}
	if err := stopped(ctx, "write", uri); err != nil {
		return nil, err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, writeFault("write", uri, err)
	}
	temp := filepath.Join(dir, uploadPrefix+rand.Text())
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, writeFault("write", uri, err)
	}
	return &fileUpload{ctx: ctx, f: f, uri: uri, path: path, meter: s.meter}, nil
}

type fileUpload struct {
	ctx       context.Context
	f         *os.File
	uri, path string
	meter     *meter
	err       error // of what failed first; all later calls say it too
	done      bool
}

func (u *fileUpload) Write(p []byte) (int, error) {
	if u.err == nil {
		u.err = stopped(u.ctx, "write", u.uri)
	}
	if u.err != nil {
		return 0, u.err
	}
	n, err := u.f.Write(p)
	u.meter.written.Add(int64(n))
	u.err = writeFault("write", u.uri, err)
	return n, u.err
}

func (u *fileUpload) ReadFrom(r io.Reader) (int64, error) {
	// A large buffer: the source is an S3 body more often than not.
	return io.CopyBuffer(struct{ io.Writer }{u}, r, make([]byte, ChunkSize))
}

func (u *fileUpload) Commit() (Info, error) {
	if u.err == nil {
		u.err = stopped(u.ctx, "write", u.uri)
	}
	if u.err != nil {
		return Info{}, u.err
	}
	u.meter.requests.Add(1)
	fi, err := u.f.Stat()
	if err == nil {
		err = u.f.Close()
	}
	if err == nil {
		err = u.rename()
	}
	if err != nil {
		u.err = writeFault("write", u.uri, err)
		return Info{}, u.err
	}
	u.done, u.err = true, finished(u.uri)
	return fileInfo(u.uri, fi), nil
}

func (u *fileUpload) rename() error {
	if fi, err := os.Stat(u.path); err == nil && fi.IsDir() {
		return &os.PathError{Op: "rename", Path: u.path, Err: os.ErrExist}
	}
	return os.Rename(u.f.Name(), u.path)
}

func (u *fileUpload) Abort() {
	if u.done {
		return
	}
	u.f.Close()
	os.Remove(u.f.Name())
	u.done, u.err = true, finished(u.uri)
}
