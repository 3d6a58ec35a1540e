package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/cosmostat/constellation/pkg/objstore"
)

// upload brings stages' executables to the object store, each once, under a
// name made of its checksum: what is there is never written again, so that
// what was registered earlier goes on running the code it was registered with.
type upload struct {
	ctx    context.Context
	store  objstore.Store
	prefix string
	bin    string

	commands       map[string]result
	bytes, present int64
	sent, found    int
}

func newUpload(ctx context.Context, store objstore.Store, prefix, bin string) (*upload, error) {
	if bin == "" {
		var err error
		if bin, err = programs(); err != nil {
			return nil, err
		}
	}
	if !strings.Contains(prefix, "://") {
		prefix = absolutePath(prefix) // a file system that the pods share
	}
	return &upload{ctx: ctx, store: store, prefix: strings.TrimSuffix(prefix, "/"), bin: bin, commands: map[string]result{}}, nil
}

// result is what became of an executable.
type result struct {
	command []string
	err     error
}

// command uploads an executable and says how the loader starts it. Several
// templates ask for the same one; it goes once, and fails once.
func (u *upload) command(executable string) ([]string, error) {
	r, known := u.commands[executable]
	if !known {
		r.command, r.err = u.bring(executable)
		u.commands[executable] = result{r.command, errAgain(executable, r.err)}
	}
	return r.command, r.err
}

// errAgain is short: the reason was given the first time.
func errAgain(executable string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: as above", executable)
}

func (u *upload) bring(executable string) ([]string, error) {
	f, err := os.Open(filepath.Join(u.bin, executable))
	if err != nil {
		return nil, fmt.Errorf("the stage's executable (--bin names their directory; make build makes them): %w", err)
	}
	defer f.Close()
	if err := checkProgram(f); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	sum, size, err := sumOf(f)
	if err != nil {
		return nil, err
	}
	uri := objstore.Join(u.prefix, executable, sum)
	switch info, err := u.store.Stat(u.ctx, uri); {
	case err == nil && info.Size == size:
		u.found++
		u.present += size
	case err != nil && !objstore.IsNotFound(err):
		return nil, err
	default:
		if err := u.send(uri, f); err != nil {
			return nil, fmt.Errorf("upload %s: %w", executable, err)
		}
		u.sent++
		u.bytes += size
	}
	return []string{"/bin/loader", uri, "sha256:" + sum, executable}, nil
}

func (u *upload) send(uri string, f *os.File) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	to, err := u.store.Create(u.ctx, uri)
	if err != nil {
		return err
	}
	defer to.Abort()
	if _, err := io.Copy(to, f); err != nil {
		return err
	}
	_, err = to.Commit()
	return err
}

func (u *upload) summary() string {
	return fmt.Sprintf("%s: %d executables uploaded (%.1f MB), %d were there (%.1f MB)\n",
		u.prefix, u.sent, float64(u.bytes)/1e6, u.found, float64(u.present)/1e6)
}
