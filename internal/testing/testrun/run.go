// Package testrun calls the bodies of the stages in their order, on a tiny
// simulated survey in a store of memory, so that a test can begin at the stage
// that it is about. What a stage is called with is a value that the test may
// change; what the stages before it do must succeed.
//
// It stops before the catalogue: Iceberg wants a real directory, which
// Settings.Catalog names, and links much.
package testrun

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/resolve"
	"github.com/cosmostat/constellation/pkg/shine"
	"github.com/cosmostat/constellation/pkg/simulate"
	"github.com/cosmostat/constellation/pkg/survey"
)

// surveyBase is where the survey lies.
const surveyBase = "mem://euclid/q1"

// simulated are the surveys, each of which is made once.
var simulated struct {
	sync.Mutex
	stores map[string]*objstore.Memory
}

// stored is a survey in a store of memory.
func stored(s simulate.Survey) (*objstore.Memory, error) {
	key, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	simulated.Lock()
	defer simulated.Unlock()
	if store := simulated.stores[string(key)]; store != nil {
		return store, nil
	}
	store := objstore.NewMemory()
	if _, err := simulate.Run(context.Background(), store, surveyBase, s, nil); err != nil {
		return nil, err
	}
	if simulated.stores == nil {
		simulated.stores = map[string]*objstore.Memory{}
	}
	simulated.stores[string(key)] = store
	return store, nil
}

// Run is one run, with a survey and a store of its own.
type Run struct {
	Settings pipeline.ResolveConfigOut
	Memory   *objstore.Memory // holds the survey's files and all products
	Store    *Store           // the same, as stages have it for their products
	Sources  *Store           // the same, as they have it for the survey
	Identity task.Identity    // of the stages
	Log      *Log             // what they said
	Garbled  int64            // a tile that [Run.Prepared] finds a catalogue garbled for

	t      *testing.T
	stages int
}

// New makes a run of the mock engine. More are YAML documents that are laid over
// its configuration.
func New(t *testing.T, more ...string) *Run {
	t.Helper()
	s, err := simulate.Preset("tiny")
	if err != nil {
		t.Fatal(err)
	}
	return Of(t, s, more...)
}

// Of is [New] of another survey.
func Of(t *testing.T, s simulate.Survey, more ...string) *Run {
	t.Helper()
	forget(t)
	r := &Run{Log: &Log{}, Identity: task.Identity{Project: "shear", Domain: "test", Execution: "r1", Element: -1}, t: t}
	all, err := stored(s)
	r.check(err)
	r.Memory = all.Clone()
	r.Store, r.Sources = &Store{Memory: r.Memory}, &Store{Memory: r.Memory}
	// A configuration names no store of memory: it is resolved as one of S3's.
	text := s.ConfigYAML(strings.Replace(surveyBase, "mem://", "s3://", 1)) + fmt.Sprintf("output: {storage_base_uri: 's3://products', catalog_warehouse: %q}\nengine: mock\n", t.TempDir())
	for _, m := range more {
		text += "---\n" + m + "\n"
	}
	out, _, err := resolve.Launch(t.Context(), r.Memory, pipeline.ResolveConfigIn{ConfigYAML: text, RunID: "r1"}, "")
	r.check(err)
	raw, err := json.Marshal(out)
	r.check(err)
	r.check(json.Unmarshal(bytes.ReplaceAll(raw, []byte("s3://"), []byte("mem://")), &r.Settings))
	return r
}

// forget gives the test a node's cache of its own, else the machine remembers
// sub-tiles of the same names. Tests that run side by side can't change their
// environment: they set [os.DevNull] for the whole process, where nothing is kept.
func forget(t *testing.T) {
	if os.Getenv(shine.EnvNodeCache) != os.DevNull {
		t.Setenv(shine.EnvNodeCache, t.TempDir())
	}
}

// Copy is the same run for another test, with all that is there so far and a
// catalogue of its own.
func (r *Run) Copy(t *testing.T) *Run {
	t.Helper()
	same := *r
	same.t, same.Memory, same.Log, same.Settings.Catalog.Warehouse = t, r.Memory.Clone(), &Log{}, t.TempDir()
	forget(t)
	same.Store, same.Sources = &Store{Memory: same.Memory}, &Store{Memory: same.Memory}
	return &same
}

// Again is a later run on what this one left.
func (r *Run) Again(name string) *Run {
	next := *r
	next.Settings.Destination.RunURI = objstore.Join(strings.TrimSuffix(r.Settings.Destination.RunURI, r.Settings.Destination.Run()), name)
	next.Identity.Execution = name
	return &next
}

// Stage is the context that a stage's body is called with, each time with a
// directory of its own for what it writes.
func (r *Run) Stage(name string) context.Context {
	r.stages++
	id := r.Identity
	id.Task, id.Node = name, name
	env := task.NewEnvironment(r.Store, fmt.Sprintf("mem://scratch/%s/%s-%d", r.Settings.Destination.Run(), name, r.stages), id)
	env.Sources = func(context.Context, objstore.Config) objstore.Metered { return r.Sources }
	env.Log = slog.New(slog.NewTextHandler(r.Log, nil))
	return task.With(r.t.Context(), env)
}

// Find is the one object whose URI has all of the parts.
func (r *Run) Find(parts ...string) string {
	r.t.Helper()
	found := r.FindAll(parts...)
	if len(found) != 1 {
		r.t.Fatalf("%v are in %d URIs: %v", parts, len(found), found)
	}
	return found[0]
}

// FindAll are the objects whose URIs have all of the parts.
func (r *Run) FindAll(parts ...string) (found []string) {
	r.t.Helper()
	for _, bucket := range []string{"mem://euclid/", "mem://products/", "mem://scratch/"} {
		r.check(r.Memory.List(context.Background(), bucket, func(o objstore.Info) error {
			for _, part := range parts {
				if !strings.Contains(o.URI, part) {
					return nil
				}
			}
			found = append(found, o.URI)
			return nil
		}))
	}
	return found
}

// Spoil puts something in the place of an object that nobody can read.
func (r *Run) Spoil(uri string) {
	r.t.Helper()
	_, err := objstore.WriteFile(r.t.Context(), r.Memory, uri, []byte("neither FITS nor anything else"))
	r.check(err)
}

// Remove takes an object away.
func (r *Run) Remove(uri string) {
	r.t.Helper()
	r.check(r.Memory.Delete(r.t.Context(), uri))
}

// Has says whether there is an object.
func (r *Run) Has(uri string) bool {
	_, err := r.Memory.Stat(context.Background(), uri)
	return err == nil
}

// MarkedTiles and MarkedBatches are the keys that are marked to be done again,
// and under what the next run does them.
func (r *Run) MarkedTiles() map[string]string { return r.marks(r.Settings.Destination.RedoTiles()) }

func (r *Run) MarkedBatches() map[string]string { return r.marks(r.Settings.Destination.RedoBatches()) }

func (r *Run) marks(base string) map[string]string {
	r.t.Helper()
	all, err := survey.Redo{Store: r.Memory, Base: base}.All(context.Background())
	r.check(err)
	return all
}

// Save writes a document.
func (r *Run) Save(uri string, document any) {
	r.t.Helper()
	r.check(survey.Save(r.t.Context(), r.Memory, uri, document))
}

// Load reads a document.
func Load[T any](r *Run, uri string) *T {
	r.t.Helper()
	document, err := survey.Load[T](r.t.Context(), r.Memory, uri)
	r.check(err)
	return document
}

func (r *Run) check(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// Log is what stages say.
type Log struct {
	lock sync.Mutex
	text bytes.Buffer
}

func (l *Log) Write(line []byte) (int, error) {
	l.lock.Lock()
	defer l.lock.Unlock()
	return l.text.Write(line)
}

// String is all of it.
func (l *Log) String() string {
	l.lock.Lock()
	defer l.lock.Unlock()
	return l.text.String()
}

// Says is whether a line has all of the parts.
func (l *Log) Says(parts ...string) bool {
	l.lock.Lock()
	defer l.lock.Unlock()
lines:
	for line := range strings.Lines(l.text.String()) {
		for _, part := range parts {
			if !strings.Contains(line, part) {
				continue lines
			}
		}
		return true
	}
	return false
}
