package objstore

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/cosmostat/constellation/pkg/fault"
)

// fileStore keeps objects as files. Directories are no objects: they appear
// when something is written below them and are never listed.
type fileStore struct {
	meter      *meter
	unfollowed bool // listings don't follow links
}

// filePath is the path that a file:// URI or a plain path names.
func filePath(uri string) (string, error) {
	path, isURI := strings.CutPrefix(uri, fileScheme)
	switch {
	case isURI && !strings.HasPrefix(path, "/"):
		return "", fault.Input(InvalidURI, "a file URI needs an absolute path and no host").On(uri).Fix("write file:///path")
	case path == "":
		return "", fault.Input(InvalidURI, "the path is empty").On(uri)
	}
	return path, nil
}

func objectPath(uri string) (string, error) {
	path, err := filePath(uri)
	if err != nil {
		return "", err
	}
	return path, checkObject(uri, path)
}

func fileInfo(uri string, fi fs.FileInfo) Info {
	etag := strconv.FormatInt(fi.Size(), 16) + "-" + strconv.FormatInt(fi.ModTime().UnixNano(), 16)
	return Info{URI: uri, Size: fi.Size(), ETag: etag, Modified: fi.ModTime()}
}

func (s *fileStore) Stat(ctx context.Context, uri string) (Info, error) {
	path, err := objectPath(uri)
	if err != nil {
		return Info{}, err
	}
	if err := stopped(ctx, "stat", uri); err != nil {
		return Info{}, err
	}
	s.meter.requests.Add(1)
	fi, err := os.Stat(path)
	if err != nil {
		return Info{}, fileFault("stat", uri, err)
	}
	if !fi.Mode().IsRegular() {
		return Info{}, notFound(uri)
	}
	return fileInfo(uri, fi), nil
}

func (s *fileStore) Get(ctx context.Context, uri, etag string, r Range) (io.ReadCloser, error) {
	path, err := objectPath(uri)
	if err != nil {
		return nil, err
	}
	if err := stopped(ctx, "read", uri); err != nil {
		return nil, err
	}
	s.meter.requests.Add(1)
	f, err := os.Open(path)
	if err != nil {
		return nil, fileFault("read", uri, err)
	}
	b := &fileBody{ctx: ctx, f: f, uri: uri, etag: etag, meter: s.meter}
	if err := b.seek(r); err != nil {
		f.Close()
		return nil, err
	}
	return b, nil
}

// fileBody reads a range of an open file. The file that it holds stays the one
// that was opened even where another is renamed over it; one that is rewritten
// in place is found out at the end of the range.
type fileBody struct {
	ctx       context.Context
	f         *os.File
	uri, etag string
	meter     *meter
	at, left  int64
}

func (b *fileBody) seek(r Range) error {
	fi, err := b.f.Stat()
	if err != nil {
		return fileFault("read", b.uri, err)
	}
	if !fi.Mode().IsRegular() {
		return notFound(b.uri)
	}
	if b.etag != "" && fileInfo(b.uri, fi).ETag != b.etag {
		return changed(b.uri)
	}
	if b.left, err = r.within(b.uri, fi.Size()); err != nil {
		return err
	}
	b.at = r.Offset
	return nil
}

// within is the number of bytes that a range holds of an object of that size.
func (r Range) within(uri string, size int64) (int64, error) {
	switch {
	case r.Offset < 0:
		return 0, fault.New(fault.Bug, "NegativeOffset", "range at the negative offset %d", r.Offset).On(uri)
	case r.Offset > size || r.Length > size-r.Offset:
		return 0, truncated(uri, size)
	case r.Length < 0:
		return size - r.Offset, nil
	}
	return r.Length, nil
}

func (b *fileBody) Read(p []byte) (int, error) {
	if err := stopped(b.ctx, "read", b.uri); err != nil {
		return 0, err
	}
	if b.left == 0 {
		return 0, b.unchanged()
	}
	n, err := b.f.ReadAt(p[:min(int64(len(p)), b.left)], b.at)
	b.at, b.left = b.at+int64(n), b.left-int64(n)
	b.meter.read.Add(int64(n))
	switch {
	case n > 0 || err == nil:
		return n, nil
	case err == io.EOF:
		return 0, truncated(b.uri, b.at)
	}
	return 0, fileFault("read", b.uri, err)
}

// unchanged is io.EOF where the file still is the one that was asked for.
func (b *fileBody) unchanged() error {
	if b.etag == "" {
		return io.EOF
	}
	fi, err := b.f.Stat()
	if err != nil {
		return fileFault("read", b.uri, err)
	}
	if fileInfo(b.uri, fi).ETag != b.etag {
		return changed(b.uri)
	}
	return io.EOF
}

func (b *fileBody) Close() error { return b.f.Close() }

func (s *fileStore) Delete(ctx context.Context, uri string) error {
	path, err := objectPath(uri)
	if err != nil {
		return err
	}
	if err := stopped(ctx, "delete", uri); err != nil {
		return err
	}
	s.meter.requests.Add(1)
	// Only a file is an object; unlinking a directory that happens to be empty is not ours to do.
	if fi, err := os.Lstat(path); err == nil && fi.IsDir() {
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return writeFault("delete", uri, err)
	}
	return nil
}

// uploadPrefix begins the names of files that are being written; List skips them.
const uploadPrefix = ".constellation-upload-"

func hidden(name string) bool { return strings.HasPrefix(filepath.Base(name), uploadPrefix) }
