package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/objstore"
)

const (
	notFound  = "NotFound"
	inputsPB  = "inputs.pb"
	outputsPB = "outputs.pb"
	futuresPB = "futures.pb"
	errorPB   = "error.pb"
)

var errTooLarge = errors.New("too large")

// marshal is deterministic: equal inputs must give equal bytes when resumed.
func marshal(m proto.Message) ([]byte, error) {
	return proto.MarshalOptions{Deterministic: true}.Marshal(m)
}

func (r *run) write(ctx context.Context, uri string, m proto.Message) error {
	raw, err := marshal(m)
	if err != nil {
		return err
	}
	return r.writeRaw(ctx, uri, raw)
}

func (r *run) writeRaw(ctx context.Context, uri string, raw []byte) error {
	r.io <- struct{}{}
	defer func() { <-r.io }()
	_, err := objstore.WriteFile(ctx, r.Store, uri, raw)
	return err // it says where
}

// read decodes an object into m, and says whether it exists. One that is over
// MaxOutput is refused with errTooLarge.
func (r *run) read(ctx context.Context, uri string, m proto.Message) (bool, error) {
	raw, err := r.readRaw(ctx, uri, r.MaxOutput)
	if raw == nil || err != nil {
		return false, err
	}
	if err := literal.FromWire(raw, m); err != nil {
		return true, fmt.Errorf("decode %s: %w", uri, err)
	}
	return true, nil
}

// readRaw reads an object; nil where there is none.
func (r *run) readRaw(ctx context.Context, uri string, limit int64) ([]byte, error) {
	r.io <- struct{}{}
	defer func() { <-r.io }()
	body, err := r.Store.Get(ctx, uri, "", objstore.Whole)
	if err != nil {
		if fault.CodeOf(err) == notFound {
			return nil, nil
		}
		return nil, err // it says where
	}
	defer body.Close()
	raw, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", uri, err)
	}
	if int64(len(raw)) > limit {
		return nil, fmt.Errorf("%s is over %d bytes: %w", uri, limit, errTooLarge)
	}
	if raw == nil {
		raw = []byte{}
	}
	return raw, nil
}

// record is what stands in record.json once there is something to resume from.
type record struct {
	Phase   string `json:"phase"` // succeeded, or expanded: futures.pb is there and its children are not done
	Attempt int    `json:"attempt"`
	Inputs  string `json:"inputs"` // SHA-256 of inputs.pb
	Task    string `json:"task,omitempty"`
}

const (
	phaseSucceeded = "succeeded"
	phaseExpanded  = "expanded"
)

func (j *job) recordURI() string { return objstore.Join(j.dir, "data", j.sub, "record.json") }

func (r *run) note(ctx context.Context, j *job, phase string, attempt int) error {
	raw, err := json.Marshal(record{phase, attempt, j.digest, j.name})
	if err != nil {
		return err
	}
	return r.writeRaw(ctx, j.recordURI(), append(raw, '\n'))
}

// recall finds what an earlier run recorded for the same task and inputs. A
// record of anything else counts for nothing.
func (r *run) recall(ctx context.Context, j *job) (record, error) {
	if !r.resumed {
		return record{}, nil
	}
	var rec record
	raw, err := r.readRaw(ctx, j.recordURI(), 1<<16)
	if err != nil || raw == nil {
		return record{}, err
	}
	if json.Unmarshal(raw, &rec) != nil || rec.Inputs != j.digest || rec.Task != j.name {
		return record{}, nil
	}
	if r.Afresh != nil && r.Afresh(j.name) { // what its futures.pb asked for is still what is to be done, if it wrote one
		rec.Phase = phaseExpanded
	}
	return rec, nil
}

// recover returns the outputs that an earlier run left, or nil.
func (r *run) recover(ctx context.Context, j *job, rec record) (*core.LiteralMap, error) {
	if rec.Phase != phaseSucceeded {
		return nil, nil
	}
	out := new(core.LiteralMap)
	if len(j.declared.GetVariables()) == 0 {
		return out, nil
	}
	ok, err := r.read(ctx, j.output(rec.Attempt, outputsPB), out)
	if err != nil || !ok {
		return nil, err
	}
	return out, nil
}

// firstAttempt is the number to begin with: the first under which an earlier
// run left nothing.
func (r *run) firstAttempt(ctx context.Context, j *job) (int, error) {
	for n := 0; ; n++ {
		if !r.resumed {
			return n, nil
		}
		found := errors.New("found")
		used := false
		for _, prefix := range []string{j.output(n), j.rawOutput(n)} {
			err := r.Store.List(ctx, prefix+"/", func(objstore.Info) error { return found })
			if errors.Is(err, found) {
				used = true
				break
			}
			if err != nil && fault.CodeOf(err) != notFound {
				return 0, err
			}
		}
		if !used {
			return n, nil
		}
	}
}

func digest(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// output is where an attempt's files go, or the URI of one of them.
func (j *job) output(attempt int, file ...string) string {
	return objstore.Join(objstore.Join(j.dir, "data", j.sub, strconv.Itoa(attempt)), file...)
}

// rawOutput is the prefix for data of an attempt's own.
func (j *job) rawOutput(attempt int) string {
	return objstore.Join(j.dir, "raw", j.sub, strconv.Itoa(attempt))
}
