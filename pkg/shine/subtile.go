package shine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/survey"
)

// SubTile fetches a sub-tile directory where it isn't local, infers it and
// publishes the results beside it. Data that can't be used, and results that
// break the contract, are an outcome, failed with the reason: trying again
// would not help, and the other sub-tiles go on.
//
// An attempt that was stopped or failed leaves what it fetched in the node's
// cache. The next one on that node fetches only what is missing there.
func SubTile(ctx context.Context, store objstore.Store, uri string, job Job) (Found, error) {
	job.URI = uri
	if job.Results == "" {
		job.Results = uri
	}
	done := func() {}
	if path, ok := local(uri); ok {
		job.Dir = path
	} else {
		dir, remove, err := job.hold(uri)
		if err != nil {
			return Found{}, err
		}
		defer remove()
		if err := fetch(ctx, store, uri, dir, job.bound); err != nil {
			return Found{}, fmt.Errorf("fetch %s: %w", uri, err)
		}
		job.Dir = dir
		done = func() { os.RemoveAll(dir) }
	}
	job.out = job.Dir
	if path, ok := local(job.Results); ok {
		if err := os.MkdirAll(path, 0o777); err != nil {
			return Found{}, fault.Input(objstore.NotWritable, "make a directory for the results: %w", err).On(job.Results)
		}
		job.out = path
	} else if _, ok := local(uri); ok {
		scratch, err := os.MkdirTemp("", "results-")
		if err != nil {
			return Found{}, fault.Input(CodeScratch, "make a scratch directory: %w", err).Fix("set TMPDIR to a directory with room for results")
		}
		defer os.RemoveAll(scratch)
		job.out = scratch
	}
	found, err := Run(ctx, job)
	if err == nil {
		err = Publish(ctx, store, job.out, job.Results)
	} else if fault.KindOf(err) == fault.BadData {
		found, err = job.failed(err)
	}
	if err == nil {
		done()
	}
	return found, err
}

// failed is the outcome of a sub-tile that can't be measured. One whose directory
// is not what it should be is none: that can be mended.
func (j Job) failed(reason error) (Found, error) {
	if fault.CodeOf(reason) == CodeIncomplete {
		return Found{Outcome: survey.Outcome{Status: survey.StatusFailed, Reason: reason.Error(), Directory: j.URI}}, reason
	}
	out := survey.Outcome{Status: survey.StatusFailed, Reason: reason.Error(), Directory: j.URI}
	m, err := j.manifest()
	if err != nil {
		return Found{Outcome: out}, reason // without a manifest nobody knows whose failure it is
	}
	out.SubTileID = m.ID()
	return Found{Outcome: out}, nil
}

// kept is how long what an interrupted attempt fetched stays in the node's cache.
const kept = 6 * time.Hour

// hold gives the directory that a sub-tile is fetched to, and what to do with
// it in the end. In the node's cache it is the sub-tile's own, and stays;
// without a cache, or where another process has it, it is a new one, and goes.
func (j *Job) hold(uri string) (dir string, release func(), err error) {
	if cache := filepath.Join(j.NodeCache, "subtiles"); j.NodeCache != "" && writable(cache) {
		sweep(cache)
		sum := sha256.Sum256([]byte(uri))
		dir := filepath.Join(cache, hex.EncodeToString(sum[:16]))
		if unlock, ok := lock(dir + ".lock"); ok {
			if err := os.MkdirAll(dir, 0o777); err == nil {
				return dir, unlock, nil
			}
			unlock()
		}
	}
	dir, err = os.MkdirTemp("", "subtile-")
	if err != nil {
		return "", nil, fault.Input(CodeScratch, "make a scratch directory: %w", err).Fix("set TMPDIR to a directory with room for a sub-tile")
	}
	return dir, func() { os.RemoveAll(dir) }, nil
}

// sweep removes what attempts left in a node's cache that nobody came back to.
func sweep(cache string) {
	locks, _ := filepath.Glob(filepath.Join(cache, "*.lock"))
	for _, path := range locks {
		info, err := os.Stat(path)
		if err != nil || time.Since(info.ModTime()) < kept {
			continue
		}
		if unlock, ok := lock(path); ok {
			os.RemoveAll(path[:len(path)-len(".lock")])
			os.Remove(path)
			unlock()
		}
	}
}

// lock takes a lock file for this process, if nobody has it. The kernel lets go
// of it when the process ends, however it does.
func lock(path string) (unlock func(), ok bool) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, false
	}
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		f.Close()
		return nil, false
	}
	now := time.Now()
	_ = os.Chtimes(path, now, now) // sweep goes by it
	return func() { f.Close() }, true
}
