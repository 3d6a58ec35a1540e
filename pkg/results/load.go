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

// load reads a file whole: one sub-tile's results are a few hundred kB, and
// one request costs less than the ranges that Parquet would ask for.
func load[T any](ctx context.Context, r objstore.Reader, f survey.File, read func(io.ReaderAt, int64) ([]T, error)) ([]T, error) {
	data, err := objstore.ReadFile(ctx, r, f.URI)
	if err != nil {
		return nil, fmt.Errorf("read results: %w", err)
	}
	if sum := sha256.Sum256(data); f.SHA256 != "" && hex.EncodeToString(sum[:]) != f.SHA256 {
		return nil, fault.Data(CodeCorrupt, "its content is not what inference wrote (%d bytes then, %d now)", f.Size, len(data)).
			On(f.URI).Fix("run the inference of this sub-tile again")
	}
	rows, err := read(bytes.NewReader(data), int64(len(data)))
	return rows, On(err, f.URI)
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
