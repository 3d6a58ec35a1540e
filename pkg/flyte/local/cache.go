package local

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/objstore"
)

// CachePolicy says what is done with tasks whose outputs may be cached (discoverable).
type CachePolicy int

const (
	CacheUse       CachePolicy = iota // outputs are taken from the cache where it has them, else kept there
	CacheOverwrite                    // every task is run, and its outputs replace what is kept
	CacheOff                          // nothing is taken and nothing kept
)

// CacheStatus is what the cache had to do with outputs. Empty: nothing.
type CacheStatus string

// The engine's words for it.
const (
	CacheHit        CacheStatus = "hit"         // they were taken from it
	CachePopulated  CacheStatus = "populated"   // they were made, and are in it now
	CachePutFailure CacheStatus = "put_failure" // they were made, and could not be put there
)

// cacheDir holds the cache below [Engine.Prefix]. No execution can have this name.
const cacheDir = "_cache"

// largestShown bounds the inputs, in bytes, that an entry shows to people.
const largestShown = 64 << 10

// cacheEntry is what lies under a key: readable, and written whole.
type cacheEntry struct {
	Task    string          `json:"task"`
	Version string          `json:"cache_version"`
	Made    time.Time       `json:"made"`
	By      NodeRef         `json:"by"`
	Inputs  json.RawMessage `json:"inputs,omitempty"` // those of the key; left out where they are large
	Outputs json.RawMessage `json:"outputs"`
}

// cached runs a task unless the cache has its outputs. As on the real engine a
// failure is never kept, nor what a task without outputs did, and a cache that
// can't be written fails nobody. One that can't be read does.
func (r *run) cached(ctx context.Context, j *job, rec record) (*core.LiteralMap, int, error) {
	meta := j.task.GetMetadata()
	if r.Cache == CacheOff || !meta.GetDiscoverable() || len(j.declared.GetVariables()) == 0 {
		return r.runTask(ctx, j, rec)
	}
	key := cacheKey(j.inputs, meta.GetCacheIgnoreInputVars())
	uri, err := r.cacheURI(j, key)
	if err != nil {
		return nil, 0, j.fail(codeInput, "make the cache's key: %w", err)
	}
	if meta.GetCacheSerializable() {
		release, err := r.reserve(ctx, uri)
		if err != nil {
			return nil, 0, errAborted
		}
		defer release()
	}
	if r.Cache == CacheUse {
		out, by, err := r.lookUp(ctx, j, uri)
		if err != nil {
			return nil, 0, j.storeFailed(err)
		}
		if out != nil {
			attempt, err := r.firstAttempt(ctx, j)
			if err == nil {
				err = r.write(ctx, j.output(attempt, outputsPB), out)
			}
			if err != nil {
				return nil, attempt, j.storeFailed(err)
			}
			j.cache, j.cachedBy = CacheHit, by
			r.borrow(out, by)
			return out, attempt, nil
		}
	}
	out, attempt, err := r.runTask(ctx, j, rec)
	if err == nil {
		j.cache = CachePopulated
		if err := r.keep(ctx, j, uri, key, out, attempt); err != nil {
			j.cache = CachePutFailure
		}
	}
	return out, attempt, err
}

// cacheKey is the inputs that make the key: without those that are ignored, and
// with the hash in the place of each literal that has one, at any depth.
func cacheKey(in *core.LiteralMap, ignored []string) *core.LiteralMap {
	key := &core.LiteralMap{Literals: make(map[string]*core.Literal, len(in.GetLiterals()))}
	for name, l := range in.GetLiterals() {
		if !slices.Contains(ignored, name) {
			key.Literals[name] = hashed(l)
		}
	}
	return key
}

func hashed(l *core.Literal) *core.Literal {
	if l.GetHash() != "" {
		return &core.Literal{Hash: l.GetHash()}
	}
	switch v := l.GetValue().(type) {
	case *core.Literal_Collection:
		list := make([]*core.Literal, len(v.Collection.GetLiterals()))
		for i, e := range v.Collection.GetLiterals() {
			list[i] = hashed(e)
		}
		return collection(list)
	case *core.Literal_Map:
		m := make(map[string]*core.Literal, len(v.Map.GetLiterals()))
		for k, e := range v.Map.GetLiterals() {
			m[k] = hashed(e)
		}
		return &core.Literal{Value: &core.Literal_Map{Map: &core.LiteralMap{Literals: m}}}
	}
	return l
}

// cacheURI is where outputs for a key lie: project, domain and task, then the
// cache version with the interface, since a task that takes or gives something
// else can't use what was kept, then the key.
func (r *run) cacheURI(j *job, key *core.LiteralMap) (string, error) {
	id, meta := j.task.GetId(), j.task.GetMetadata()
	var sums [2]string
	for i, m := range []proto.Message{j.task.GetInterface(), key} {
		raw, err := marshal(m)
		if err != nil {
			return "", err
		}
		sums[i] = digest(raw)
	}
	version := url.PathEscape(strings.TrimSpace(meta.GetDiscoveryVersion()))
	return objstore.Join(r.Prefix, cacheDir, id.GetProject(), id.GetDomain(), id.GetName(), version+"-"+sums[0][:16], sums[1]+".json"), nil
}

// lookUp returns what lies under a key; nil where there is nothing, or
// something that is not what the task declares.
func (r *run) lookUp(ctx context.Context, j *job, uri string) (*core.LiteralMap, NodeRef, error) {
	// JSON takes several times what the protos did.
	raw, err := r.readRaw(ctx, uri, 32*r.MaxOutput)
	if raw == nil || err != nil {
		return nil, NodeRef{}, err
	}
	var e cacheEntry
	out := new(core.LiteralMap)
	if json.Unmarshal(raw, &e) != nil || protojson.Unmarshal(e.Outputs, out) != nil || len(out.GetLiterals()) != len(j.declared.GetVariables()) {
		return nil, NodeRef{}, nil
	}
	for name := range j.declared.GetVariables() {
		if _, ok := out.GetLiterals()[name]; !ok {
			return nil, NodeRef{}, nil
		}
	}
	return out, e.By, nil
}

func (r *run) keep(ctx context.Context, j *job, uri string, key, out *core.LiteralMap, attempt int) error {
	e := cacheEntry{Task: j.name, Version: j.task.GetMetadata().GetDiscoveryVersion(), Made: time.Now().UTC(), By: j.ref(attempt)}
	var err error
	if e.Outputs, err = protojson.Marshal(out); err != nil {
		return err
	}
	if proto.Size(key) <= largestShown {
		if e.Inputs, err = protojson.Marshal(key); err != nil {
			return err
		}
	}
	raw, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return err
	}
	return r.writeRaw(ctx, uri, append(raw, '\n'))
}

// reserve waits until nobody else of this run works on a key.
func (r *run) reserve(ctx context.Context, uri string) (release func(), err error) {
	for {
		r.reserving.Lock()
		busy, ok := r.reserved[uri]
		if !ok {
			mine := make(chan struct{})
			r.reserved[uri] = mine
			r.reserving.Unlock()
			return func() {
				r.reserving.Lock()
				delete(r.reserved, uri)
				r.reserving.Unlock()
				close(mine)
			}, nil
		}
		r.reserving.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// source is where outputs were made, in words.
func (n NodeRef) source() string { return fmt.Sprintf("execution %s, node %s", n.Execution, n) }
