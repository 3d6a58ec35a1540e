package objstore

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/cosmostat/constellation/pkg/fault"
)

// Exclusive is a store that can write an object on the condition that there is none.
type Exclusive interface {
	// WriteNew writes an object unless there is one of that name, and says
	// whether it did: of several that try at once, one does.
	WriteNew(ctx context.Context, uri string, data []byte) (made bool, err error)
}

// WriteNew writes a small object unless there is one of that name, and says
// whether it did. A store that is no [Exclusive], or a server that knows no
// conditions, is asked first and written to then: who comes between the two is
// overwritten, so whoever must be sure reads the object afterwards.
func WriteNew(ctx context.Context, s Store, uri string, data []byte) (made bool, err error) {
	if e, can := s.(Exclusive); can {
		return e.WriteNew(ctx, uri, data)
	}
	return writeIfAbsent(ctx, s, uri, data)
}

func writeIfAbsent(ctx context.Context, s Store, uri string, data []byte) (bool, error) {
	switch _, err := s.Stat(ctx, uri); {
	case err == nil:
		return false, nil
	case fault.CodeOf(err) != NotFound:
		return false, err
	}
	_, err := WriteFile(ctx, s, uri, data)
	return err == nil, err
}

func (m *Mux) WriteNew(ctx context.Context, uri string, data []byte) (bool, error) {
	s, err := m.store(uri)
	if err != nil {
		return false, err
	}
	return WriteNew(ctx, s, uri, data)
}

func (m *Memory) WriteNew(ctx context.Context, uri string, data []byte) (bool, error) {
	if _, _, err := splitObject(memoryScheme, uri); err != nil {
		return false, err
	}
	if err := stopped(ctx, "write", uri); err != nil {
		return false, err
	}
	m.meter.requests.Add(1)
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, there := m.objects[uri]; there {
		return false, nil
	}
	m.objects[uri] = newObject(uri, data)
	m.meter.written.Add(int64(len(data)))
	return true, nil
}

// WriteNew writes a hidden file and links it to its name, which fails where
// there is one. A file system without links has the file made in its place.
func (s *fileStore) WriteNew(ctx context.Context, uri string, data []byte) (made bool, err error) {
	path, err := objectPath(uri)
	if err != nil {
		return false, err
	}
	if err := stopped(ctx, "write", uri); err != nil {
		return false, err
	}
	s.meter.requests.Add(1)
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return false, writeFault("write", uri, err)
	}
	temp := filepath.Join(dir, uploadPrefix+rand.Text())
	defer os.Remove(temp)
	if err := os.WriteFile(temp, data, 0o666); err != nil {
		return false, writeFault("write", uri, err)
	}
	err = os.Link(temp, path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		err = writeExclusively(path, data)
	}
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err == nil {
		s.meter.written.Add(int64(len(data)))
	}
	return err == nil, writeFault("write", uri, err)
}

func writeExclusively(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// WriteNew has the server look, where it knows how to.
func (s *s3Store) WriteNew(ctx context.Context, uri string, data []byte) (made bool, err error) {
	u, err := s.Create(ctx, uri)
	if err != nil {
		return false, err
	}
	defer u.Abort()
	up := u.(*s3Upload)
	if err := up.buffer.Append(ctx, data); err != nil {
		return false, err
	}
	crc, sign := up.sum(&up.buffer)
	_, err = up.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &up.bucket, Key: &up.key, Body: up.buffer.reader(), ContentLength: &up.buffer.size,
		ContentType: aws.String(ContentType(up.key)), ChecksumCRC32: crc, IfNoneMatch: aws.String("*"),
	}, sign)
	if err == nil {
		return true, nil
	}
	if a, ok := answerOf(err); ok {
		switch a.status {
		case http.StatusPreconditionFailed:
			return false, nil
		case http.StatusConflict, http.StatusNotImplemented, http.StatusBadRequest: // somebody else is at it, or the server knows no conditions
			return writeIfAbsent(ctx, s, uri, data)
		}
	}
	return false, s.fail(ctx, "write", uri, err)
}
