package register

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// Upload brings stages' executables to the object store, each file once, under
// its checksum: what is there is never written again, so that what was
// registered earlier goes on running the code it was registered with. Stages
// that are links to one file share the object.
type Upload struct {
	ctx    context.Context
	store  objstore.Store
	prefix string
	bin    string

	files          map[string]result // by path, links followed
	bytes, present int64
	sent, found    int
}

// NewUpload uploads below a URI, from a directory that holds each stage's
// executable, or a link, under the stage's name.
func NewUpload(ctx context.Context, store objstore.Store, prefix, bin string) *Upload {
	return &Upload{ctx: ctx, store: store, prefix: strings.TrimSuffix(prefix, "/"), bin: bin, files: map[string]result{}}
}

// result is what became of a file.
type result struct {
	uri, sum string
	err      error
}

// Command uploads a stage's executable and says how the loader starts it. Many
// templates ask for the same file; it goes once, and fails once.
func (u *Upload) Command(executable string) ([]string, error) {
	path := filepath.Join(u.bin, executable)
	if file, err := filepath.EvalSymlinks(path); err == nil {
		path = file
	}
	r, known := u.files[path]
	if !known {
		r = u.bring(path)
		u.files[path] = r
	} else if r.err != nil {
		return nil, fmt.Errorf("%s: as above", executable) // the reason was given the first time
	}
	return []string{"/bin/loader", r.uri, "sha256:" + r.sum, executable}, r.err
}

func (u *Upload) bring(path string) (r result) {
	f, err := os.Open(path)
	if err != nil {
		return result{err: fault.Input("ExecutableMissing", "open a stage's executable: %w", err).Fix("build the stages into that directory: make build")}
	}
	defer f.Close()
	if err := checkProgram(f); err != nil {
		return result{err: fmt.Errorf("%s: %w", path, err)}
	}
	var size int64
	if r.sum, size, r.err = sumOf(f); r.err != nil {
		return r
	}
	r.uri = objstore.Join(u.prefix, r.sum)
	switch info, err := u.store.Stat(u.ctx, r.uri); {
	case err == nil && info.Size == size:
		u.found++
		u.present += size
	case err != nil && !objstore.IsNotFound(err):
		r.err = err
	default:
		if err := u.send(r.uri, f); err != nil {
			r.err = fmt.Errorf("upload %s: %w", path, err)
			return r
		}
		u.sent++
		u.bytes += size
	}
	return r
}

func (u *Upload) send(uri string, f *os.File) error {
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

// Summary says what was uploaded, on a line.
func (u *Upload) Summary() string {
	return fmt.Sprintf("%s: %d executables uploaded (%.1f MB), %d were there (%.1f MB)\n",
		u.prefix, u.sent, float64(u.bytes)/1e6, u.found, float64(u.present)/1e6)
}

// sumOf is the SHA-256 of a file, and its size.
func sumOf(f io.ReadSeeker) (string, int64, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", 0, err
	}
	h := sha256.New()
	n, err := io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), n, err
}
