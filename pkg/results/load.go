package results

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/survey"
)

// LoadShear reads the shear.parquet that an outcome names.
func LoadShear(ctx context.Context, r objstore.Reader, f survey.File) ([]Shear, error) {
	return load(ctx, r, f, ReadShear)
}

// LoadSources reads the sources.parquet that an outcome names.
func LoadSources(ctx context.Context, r objstore.Reader, f survey.File) ([]Source, error) {
	return load(ctx, r, f, ReadSources)
}

func load[T any](ctx context.Context, r objstore.Reader, f survey.File, read func(io.ReaderAt, int64) ([]T, error)) ([]T, error) {
	data, _, err := Fetch(ctx, r, f, nil)
	if err != nil {
		return nil, err
	}
	rows, err := read(bytes.NewReader(data), int64(len(data)))
	return rows, On(err, f.URI)
}

// maxFile bounds a results file, in bytes: a sub-tile's are a few hundred kB.
const maxFile = 64 << 20

// Fetch reads a results file whole, since one request costs less than the ranges
// that Parquet would ask for, and says what it is. Where it was said before what it
// is, that has to be the same. It takes the place of into, if that is large enough.
func Fetch(ctx context.Context, r objstore.Reader, f survey.File, into []byte) ([]byte, survey.File, error) {
	body, err := r.Get(ctx, f.URI, f.ETag, objstore.Whole)
	if fault.CodeOf(err) == objstore.ObjectChanged { // since it was listed
		f.ETag = ""
		body, err = r.Get(ctx, f.URI, "", objstore.Whole)
	}
	if err != nil {
		return nil, f, fmt.Errorf("read results: %w", err)
	}
	defer body.Close()
	if size := min(max(f.Size, 0), maxFile) + bytes.MinRead; int64(cap(into)) < size {
		into = make([]byte, 0, size)
	}
	room := bytes.NewBuffer(into[:0])
	if _, err := room.ReadFrom(io.LimitReader(body, maxFile+1)); err != nil {
		return nil, f, fmt.Errorf("read results: %w", err)
	}
	data := room.Bytes()
	if len(data) > maxFile {
		return nil, f, fault.Data(CodeCorrupt, "it has more than %d bytes, which no sub-tile's results have", maxFile).On(f.URI).Fix("run the inference of this sub-tile again")
	}
	sum := sha256.Sum256(data)
	is := survey.File{URI: f.URI, Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:]), ETag: f.ETag}
	if f.SHA256 != "" && is.SHA256 != f.SHA256 {
		return nil, f, fault.Data(CodeCorrupt, "its content is not what inference wrote (%d bytes then, %d now)", f.Size, is.Size).
			On(f.URI).Fix("run the inference of this sub-tile again")
	}
	return data, is, nil
}

// On names the file of an error that [ReadShear], [ReadSources] or [Check]
// returned; other errors and nil pass.
func On(err error, uri string) error {
	var e *fault.Error
	if errors.As(err, &e) && (e.Object == "" || e.Object == survey.ShearFile || e.Object == survey.SourcesFile) {
		e.Object = uri
	}
	return err
}
