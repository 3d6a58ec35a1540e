package survey

import (
	"context"

	"github.com/cosmostat/constellation/pkg/bounds"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// Save writes a document as indented JSON.
func Save(ctx context.Context, w objstore.Writer, uri string, document any) error {
	_, err := SaveDigest(ctx, w, uri, document)
	return err
}

// SaveDigest writes a document and returns its SHA-256.
func SaveDigest(ctx context.Context, w objstore.Writer, uri string, document any) (string, error) {
	text, err := encode(document)
	if err == nil {
		_, err = objstore.WriteFile(ctx, w, uri, text)
	}
	return digest(text), err
}

// Load reads a document of type T.
func Load[T any](ctx context.Context, r objstore.Reader, uri string) (*T, error) {
	text, err := objstore.ReadFile(ctx, r, uri)
	if err != nil {
		return nil, err
	}
	return decode[T](uri, text)
}

func decode[T any](uri string, text []byte) (*T, error) {
	document := new(T)
	if err := bounds.Unmarshal(text, document); err != nil {
		return nil, fault.Data("DocumentInvalid", "not a document of this suite: %w", err).On(uri).Fix("check that it is the file that was meant; a new run, under another --run-id, writes its own")
	}
	return document, nil
}
