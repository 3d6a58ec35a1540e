package local

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/fault"
)

// borrow remembers which files came with outputs from the cache. The engine
// passes them on without a look, as the real one does; where a task fails
// because one is gone, the failure can then say so.
func (r *run) borrow(out *core.LiteralMap, by NodeRef) {
	for _, l := range out.GetLiterals() {
		files(l, func(uri string) { r.borrowed.Store(uri, by) })
	}
}

// stale says which files among a failed job's inputs came from the cache and
// are not there any more; empty where there are none.
func (r *run) stale(ctx context.Context, j *job) string {
	var gone []string
	for _, l := range j.inputs.GetLiterals() {
		files(l, func(uri string) {
			by, ok := r.borrowed.Load(uri)
			if !ok {
				return
			}
			if _, err := r.Store.Stat(ctx, uri); fault.CodeOf(err) == notFound {
				gone = append(gone, fmt.Sprintf("%s, made by %s", uri, by.(NodeRef).source()))
			}
		})
	}
	if len(gone) == 0 {
		return ""
	}
	slices.Sort(gone)
	gone = slices.Compact(gone)
	more := ""
	if n := len(gone) - shownFailures; n > 0 {
		gone, more = gone[:shownFailures], fmt.Sprintf("; and %d more", n)
	}
	return "an input came from the cache and its file is gone: " + strings.Join(gone, "; ") + more + "; run again with the cache overwritten"
}

// files visits the URI of every single file that a literal refers to.
func files(l *core.Literal, visit func(uri string)) {
	switch v := l.GetValue().(type) {
	case *core.Literal_Collection:
		for _, e := range v.Collection.GetLiterals() {
			files(e, visit)
		}
	case *core.Literal_Map:
		for _, e := range v.Map.GetLiterals() {
			files(e, visit)
		}
	case *core.Literal_OffloadedMetadata:
		visit(v.OffloadedMetadata.GetUri())
	case *core.Literal_Scalar:
		switch s := v.Scalar.GetValue().(type) {
		case *core.Scalar_Blob:
			if s.Blob.GetMetadata().GetType().GetDimensionality() == core.BlobType_SINGLE {
				visit(s.Blob.GetUri())
			}
		case *core.Scalar_Union:
			files(s.Union.GetValue(), visit)
		}
	}
}
