// Package foreign looks at what others may have written of an Iceberg table on its
// way to the library, which makes room for whatever a file says that it has: sizes,
// counts and nesting are bounded, and a file that goes beyond is refused by name.
//
// To import it is enough: it takes the place of the library's own file systems.
package foreign

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"

	iceio "github.com/apache/iceberg-go/io"
	_ "github.com/apache/iceberg-go/io/gocloud/s3" // s3:// warehouses
	"github.com/klauspost/compress/zstd"

	"github.com/cosmostat/constellation/pkg/bounds"
	"github.com/cosmostat/constellation/pkg/fault"
)

const (
	// maxMetadata bounds a table's metadata, in bytes, unpacked: 60,000 snapshots of a kilobyte.
	maxMetadata = 64 << 20
	// metadataElement is what an element of a list in it takes in memory at most.
	metadataElement = 256
)

// The library reads tables through what is registered for the scheme of a
// location. What others may have written is looked at on its way there: the
// library makes room for what a file says that it has.
func init() {
	for _, scheme := range []string{"", "file"} {
		iceio.Unregister(scheme)
		iceio.Register(scheme, func(context.Context, *url.URL, map[string]string) (iceio.IO, error) {
			return looked{localFS{}}, nil
		})
	}
	iceio.Unregister("s3")
	iceio.Register("s3", func(ctx context.Context, at *url.URL, props map[string]string) (iceio.IO, error) {
		same := *at
		same.Scheme = "s3a" // the library's other name for it
		fs, err := iceio.LoadFS(ctx, props, same.String())
		if err != nil {
			return nil, err
		}
		all, ok := fs.(files)
		many, both := fs.(remover)
		if !ok || !both {
			return nil, errors.New("catalog: the library's files in a store can do less than it needs")
		}
		return inStore{looked{all}, many}, nil
	})
}

// files is what the library asks of where a table lies.
type files interface {
	iceio.ReadFileIO
	iceio.WriteFileIO
	iceio.ListableIO
	iceio.StatIO
}

// looked gives what it reads once it was looked at.
type looked struct{ files }

// inStore removes many files in a request.
type inStore struct {
	looked
	remover
}

type remover interface {
	DeleteFiles(ctx context.Context, paths []string) (deleted []string, err error)
}

// ReadFile reads a table's metadata.
func (l looked) ReadFile(name string) ([]byte, error) {
	f, err := l.files.Open(name)
	if err != nil {
		return nil, missing(name, err)
	}
	data, err := atMost(f, maxMetadata)
	if err = errors.Join(err, f.Close()); err == nil {
		err = metadata(data)
	}
	if err != nil {
		return nil, refuse(name, err)
	}
	return data, nil
}

// Open opens a manifest or a data file.
func (l looked) Open(name string) (iceio.File, error) {
	f, err := l.files.Open(name)
	if err != nil {
		return nil, missing(name, err)
	}
	return &lookedFile{File: f, name: name}, nil
}

// foreignError is what is wrong with a file of a table.
type foreignError struct {
	at   string
	what error
}

func (e foreignError) Error() string { return e.what.Error() }

// CodeMissing is that of a file of a table that is gone; bad data.
const CodeMissing = "CatalogFileMissing"

// Remedy is what helps a table whose files are gone, or aren't what they were.
const Remedy = "put it back; or see what constellation catalog verify says of the whole, and what constellation catalog repair can do"

// missing says so of a file that isn't there; other errors stay as they are.
func missing(name string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return fault.Data(CodeMissing, "a file of the table is not there: %w", err).On(name).Fix("%s", Remedy)
}

// Code is that of a file of a table that no writer of tables makes; bad data.
const Code = "CatalogFile"

// Refuse refuses a file of a table, for what is wrong with it at a place.
func Refuse(name, at string, what error) error { return refuse(name, foreignError{at, what}) }

// refuse refuses a file of a table; what only couldn't be read stays as it is.
func refuse(name string, err error) error {
	if wrong := (foreignError{}); errors.As(err, &wrong) {
		return fault.Data(Code, "a file of the table is none that its writers make: %w", wrong.what).On(name).At("%s", wrong.at).
			Fix("%s; or have who writes such files expire snapshots and rewrite manifests", Remedy)
	}
	return err
}

// atMost reads everything, unless that is more than so many bytes.
func atMost(r io.Reader, most int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(data)) > most {
		err = foreignError{"its size", fmt.Errorf("it has more than %d bytes", most)}
	}
	return data, err
}

// metadata looks at a table's metadata, which may be compressed.
func metadata(data []byte) (err error) {
	var unpacked io.Reader
	switch {
	case bytes.HasPrefix(data, []byte("\x1f\x8b")):
		unpacked, err = gzip.NewReader(bytes.NewReader(data))
	case bytes.HasPrefix(data, []byte("\x28\xb5\x2f\xfd")):
		unpacked, err = zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxMetadata))
	}
	if err == nil && unpacked != nil {
		data, err = atMost(unpacked, maxMetadata)
		if z, ok := unpacked.(*zstd.Decoder); ok {
			z.Close()
		}
	}
	if wrong := (foreignError{}); err != nil && !errors.As(err, &wrong) {
		err = foreignError{"its compression", err}
	}
	if err != nil {
		return err
	}
	return metadataJSON(data)
}

func metadataJSON(data []byte) error {
	err := bounds.JSONOf(data, metadataElement)
	if e := (*bounds.Error)(nil); errors.As(err, &e) {
		return foreignError{fmt.Sprintf("line %d", e.Line), err}
	}
	return err
}

// Transport is as the library makes one, and looks at what a REST catalogue answers.
func Transport(with *tls.Config) (http.RoundTripper, func()) {
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: with}
	return answers{t}, t.CloseIdleConnections
}

// answers looks at what a REST catalogue answers.
type answers struct{ http.RoundTripper }

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := a.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	data, err := atMost(resp.Body, maxMetadata)
	if err = errors.Join(err, resp.Body.Close()); err == nil {
		err = metadataJSON(data)
	}
	if err != nil {
		return nil, refuse(r.URL.Redacted(), err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(data))
	return resp, nil
}
