package objstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cosmostat/constellation/pkg/fault"
)

// Memory is a store for tests, mem://bucket/key, that obeys the same rules as
// the others. Buckets come into being with their first object.
type Memory struct {
	meter   meter
	mu      sync.RWMutex
	objects map[string]object // by URI; the data of an object never changes
}

type object struct {
	info Info
	data []byte
}

var _ Store = (*Memory)(nil)

// NewMemory makes an empty store.
func NewMemory() *Memory { return &Memory{objects: make(map[string]object)} }

// Clone is another store with the same objects. What is written to or deleted from
// either is not seen in the other; their data is shared, as it never changes.
func (m *Memory) Clone() *Memory {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return &Memory{objects: maps.Clone(m.objects)}
}

// Usage is what was moved so far.
func (m *Memory) Usage() Usage { return m.meter.usage() }

func (m *Memory) find(ctx context.Context, doing, uri string) (object, error) {
	if _, _, err := splitObject(memoryScheme, uri); err != nil {
		return object{}, err
	}
	if err := stopped(ctx, doing, uri); err != nil {
		return object{}, err
	}
	m.meter.requests.Add(1)
	m.mu.RLock()
	defer m.mu.RUnlock()
	o, ok := m.objects[uri]
	if !ok {
		return object{}, notFound(uri)
	}
	return o, nil
}

func (m *Memory) Stat(ctx context.Context, uri string) (Info, error) {
	o, err := m.find(ctx, "stat", uri)
	return o.info, err
}

func (m *Memory) Get(ctx context.Context, uri, etag string, r Range) (io.ReadCloser, error) {
	o, err := m.find(ctx, "read", uri)
	if err != nil {
		return nil, err
	}
	if etag != "" && etag != o.info.ETag {
		return nil, changed(uri)
	}
	n, err := r.within(uri, o.info.Size)
	if err != nil {
		return nil, err
	}
	return countedReader{io.NopCloser(bytes.NewReader(o.data[r.Offset : r.Offset+n])), &m.meter}, nil
}

func (m *Memory) List(ctx context.Context, prefix string, visit func(Info) error) error {
	if _, _, err := splitBucket(memoryScheme, prefix); err != nil {
		return err
	}
	m.mu.RLock()
	found := make([]Info, 0, len(m.objects))
	for _, uri := range slices.Sorted(maps.Keys(m.objects)) {
		if strings.HasPrefix(uri, prefix) {
			found = append(found, m.objects[uri].info)
		}
	}
	m.mu.RUnlock()
	m.meter.requests.Add(1 + int64(len(found)/listPage))
	for _, info := range found {
		if err := stopped(ctx, "list", prefix); err != nil {
			return err
		}
		if err := visit(info); err != nil {
			return err
		}
	}
	return nil
}

func (m *Memory) Delete(ctx context.Context, uri string) error {
	if _, _, err := splitObject(memoryScheme, uri); err != nil {
		return err
	}
	if err := stopped(ctx, "delete", uri); err != nil {
		return err
	}
	m.meter.requests.Add(1)
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, uri)
	return nil
}

func (m *Memory) Create(ctx context.Context, uri string) (Upload, error) {
	if _, _, err := splitObject(memoryScheme, uri); err != nil {
		return nil, err
	}
	return &memoryUpload{ctx: ctx, store: m, uri: uri}, stopped(ctx, "write", uri)
}

type memoryUpload struct {
	ctx      context.Context
	store    *Memory
	uri      string
	data     []byte
	finished bool
}

func (u *memoryUpload) usable() error {
	if u.finished {
		return finished(u.uri)
	}
	return stopped(u.ctx, "write", u.uri)
}

func (u *memoryUpload) Write(p []byte) (int, error) {
	if err := u.usable(); err != nil {
		return 0, err
	}
	if need := len(u.data) + len(p); need > cap(u.data) { // append grows large ones by little, and copies them each time
		u.data = slices.Grow(u.data, max(len(p), cap(u.data)))
	}
	u.data = append(u.data, p...)
	u.store.meter.written.Add(int64(len(p)))
	return len(p), nil
}

func (u *memoryUpload) Commit() (Info, error) {
	if err := u.usable(); err != nil {
		return Info{}, err
	}
	u.finished = true
	made := newObject(u.uri, u.data)
	m := u.store
	m.meter.requests.Add(1)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.objects[u.uri] = made
	return made.info, nil
}

func newObject(uri string, data []byte) object {
	sum := sha256.Sum256(data) // which machines are fastest at
	return object{Info{URI: uri, Size: int64(len(data)), ETag: hex.EncodeToString(sum[:16]), Modified: time.Now()}, data}
}

func (u *memoryUpload) Abort() { u.finished, u.data = true, nil }

// finished is what an upload says that is used after Commit or Abort.
func finished(uri string) error {
	return fault.New(fault.Bug, "UploadFinished", "the upload is finished").On(uri)
}
