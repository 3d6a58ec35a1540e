package results

import (
	"context"
	"encoding/json"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// FailureFile lies in the directory where a run keeps the results of a sub-tile
// whose last inference failed.
// A task that fails has no outputs: this is how its reason comes to assembly.
const FailureFile = "failure.json"

// Failure is what FailureFile says.
type Failure struct {
	Run string `json:"run"` // that failed
	Outcome
}

// SaveFailure writes a failure into a directory.
func SaveFailure(ctx context.Context, w objstore.Writer, directory string, f Failure) error {
	text, err := json.MarshalIndent(f, "", " ")
	if err == nil {
		_, err = objstore.WriteFile(ctx, w, objstore.Join(directory, FailureFile), append(text, '\n'))
	}
	return err
}

// LoadFailure reads how a run's inference failed in a directory; nil where
// nothing says that it did.
func LoadFailure(ctx context.Context, r objstore.Reader, directory, run string) (*Outcome, error) {
	uri := objstore.Join(directory, FailureFile)
	text, err := objstore.ReadFile(ctx, r, uri)
	if objstore.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	f := Failure{}
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fault.Data(CodeInvalid, "not a failure: %w", err).On(uri)
	}
	if f.Run != run {
		return nil, nil // an earlier one's
	}
	return &f.Outcome, nil
}
