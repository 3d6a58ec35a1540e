package shine

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// Checkpoints say where an attempt's checkpoints lie. The command gets a
// directory (CONSTELLATION_CHECKPOINT_DIR) that holds what the previous
// attempt left, and may leave there what lets the next one go on: files of its
// own, of which this package knows nothing. They are uploaded when the command
// ends without success; after a success nobody needs them.
type Checkpoints struct {
	Store objstore.Store
	To    string   // prefix of this attempt; empty: nothing is saved
	From  []string // prefixes of the attempts before, the last first: the first that holds files counts
}

// saving is how long an upload may take that a SIGTERM waits for: with the
// command's own grace it has to fit into the pod's, 30 seconds by default.
const saving = 10 * time.Second

// restore makes the checkpoints' directory, with the previous attempt's files in it.
func (j *Job) restore(ctx context.Context, dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	n, err := 0, error(nil)
	for i := 0; i < len(j.Checkpoints.From) && n == 0 && err == nil; i++ {
		n, err = j.Checkpoints.fetch(ctx, j.Checkpoints.From[i], dir)
	}
	switch {
	case fault.KindOf(err) == fault.Canceled:
		return "", err
	case err != nil: // a checkpoint is worth time, not a failure
		if j.Log != nil {
			fmt.Fprintf(j.Log, "the previous attempt's checkpoint can't be used: %v\n", err)
		}
		if err := os.RemoveAll(dir); err != nil {
			return "", err
		}
		return dir, os.MkdirAll(dir, 0o777)
	}
	return dir, nil
}

// fetch downloads an attempt's files, and says how many there are. Names that
// begin with _ are not of the command's making.
func (c Checkpoints) fetch(ctx context.Context, prefix, dir string) (n int, err error) {
	base := strings.TrimRight(prefix, "/") + "/"
	var found []objstore.Info
	err = c.Store.List(ctx, base, func(info objstore.Info) error {
		if rel := strings.TrimPrefix(info.URI, base); filepath.IsLocal(rel) && !strings.HasPrefix(rel, "_") {
			found = append(found, info)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	for _, info := range found {
		if err := (checksum{}).download(ctx, c.Store, info, filepath.Join(dir, filepath.FromSlash(strings.TrimPrefix(info.URI, base)))); err != nil {
			return 0, err
		}
	}
	return len(found), nil
}

// save uploads what lies in the checkpoints' directory, also after ctx ended.
func (j *Job) save(ctx context.Context, dir string) error {
	c := j.Checkpoints
	if c.Store == nil || c.To == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saving)
	defer cancel()
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return upload(ctx, c.Store, path, objstore.Join(c.To, filepath.ToSlash(rel)))
	})
}
