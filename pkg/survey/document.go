package survey

import (
	"context"
	"encoding/json"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// Save writes a document as indented JSON.
func Save(ctx context.Context, w objstore.Writer, uri string, document any) error {
	text, err := json.MarshalIndent(document, "", " ")
	if err != nil {
		return fault.New(fault.Bug, "Encode", "%w", err).On(uri)
	}
	_, err = objstore.WriteFile(ctx, w, uri, append(text, '\n'))
	return err
}

// Load reads a document of type T.
func Load[T any](ctx context.Context, r objstore.Reader, uri string) (*T, error) {
	text, err := objstore.ReadFile(ctx, r, uri)
	if err != nil {
		return nil, err
	}
	document := new(T)
	if err := json.Unmarshal(text, document); err != nil {
		return nil, fault.Data("DocumentInvalid", "not a document of this suite: %w", err).On(uri)
	}
	return document, nil
}
