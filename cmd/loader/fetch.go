//go:build unix

package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// cached is the name of a copy, in a directory that its checksum names.
const cached = "executable"

// fetch returns the path of a verified copy: of the one in the cache directory,
// or of what [held] makes of it. One copy serves all the stages that an executable holds.
//
// Several containers may share the directory: a copy is written under a name of
// its own and renamed when it is whole and right.
func (e executable) fetch(ctx context.Context, store objstore.Reader, cache string) (string, error) {
	dir := filepath.Join(cache, e.sum)
	path := filepath.Join(dir, cached)
	switch copied, sum, err := held(path); {
	case err == nil && sum == e.sum:
		return copied, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", cacheFault(path, err)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", cacheFault(dir, err)
	}
	f, err := os.OpenFile(filepath.Join(dir, ".part-"+rand.Text()), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o777) // whom the umask lets
	if err != nil {
		return "", cacheFault(dir, err)
	}
	defer os.Remove(f.Name()) // after the rename there is nothing under this name
	defer f.Close()
	if err := e.download(ctx, store, f); err != nil {
		return "", err
	}
	if err := f.Close(); err != nil {
		return "", cacheFault(f.Name(), err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return "", cacheFault(path, err)
	}
	copied, sum, err := held(path)
	if err == nil && sum != e.sum {
		err = fmt.Errorf("its SHA-256 is %s as soon as %s was written: something else writes there", sum, e.sum)
	}
	if err != nil {
		return "", cacheFault(path, err)
	}
	return copied, nil
}

func (e executable) download(ctx context.Context, store objstore.Reader, f *os.File) error {
	body, err := store.Get(ctx, e.uri, "", objstore.Whole)
	if err != nil {
		return fmt.Errorf("fetch the stage's executable: %w", err)
	}
	defer body.Close()
	hash := sha256.New()
	local := writer{f}
	if _, err := io.Copy(io.MultiWriter(local, hash), body); err != nil {
		return fmt.Errorf("fetch the stage's executable: %w", err)
	}
	if sum := hex.EncodeToString(hash.Sum(nil)); sum != e.sum {
		return fault.Data("ExecutableCorrupt", "its SHA-256 is %s, and the task was registered with %s", sum, e.sum).On(e.uri).
			Fix("remove that object and run `constellation package --fast` again")
	}
	return nil
}

// writer marks failures to write as the cache's, so that they are told apart
// from those to read.
type writer struct{ f *os.File }

func (w writer) Write(p []byte) (int, error) {
	n, err := w.f.Write(p)
	if err != nil {
		err = cacheFault(w.f.Name(), err)
	}
	return n, err
}

// cacheFault is a directory that can't be used. A full disk may be another
// node's next time, so it is worth another attempt.
func cacheFault(path string, err error) error {
	return fault.New(fault.Unclassified, "LoaderCache", "%w", err).On(path).Fix("name a directory with room in LOADER_CACHE")
}
