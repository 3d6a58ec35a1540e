package upkeep

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/objstore"
)

// ask asks for each of some files once: by listing the directory that they are
// in, as long as that takes fewer requests than asking for each.
func (l *looking) ask(ctx context.Context, files map[string]*named) error {
	if err := l.list(ctx, files); err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(heads)
	for path, f := range files {
		if f.seen { // a listing that doesn't show a file may have spelt it otherwise
			continue
		}
		g.Go(func() error {
			if err := gctx.Err(); err != nil {
				return err
			}
			size, there, err := l.stat(path)
			switch {
			case err != nil:
				return err
			case !there:
				f.what = "it is not there"
			case size != f.size:
				f.what = fmt.Sprintf("it has %d bytes, and must have %d", size, f.size)
			default:
				f.seen = true
			}
			return nil
		})
	}
	return g.Wait()
}

const (
	heads    = 32   // at a time
	listPage = 1000 // what a request lists
)

var errDearer = errors.New("asking is cheaper")

func (l *looking) list(ctx context.Context, files map[string]*named) error {
	dir := common(files)
	if dir == "" {
		return nil
	}
	byURI := make(map[string]*named, len(files))
	for path, f := range files {
		byURI[plain(path)] = f
	}
	left, shown := len(files), 0
	per := listPage
	if !strings.Contains(dir, "://") { // a file system asks for each that it lists
		per = 1
	}
	err := l.store.List(ctx, dir, func(o objstore.Info) error {
		if f := byURI[plain(o.URI)]; f != nil && !f.seen && f.size == o.Size {
			f.seen = true
			left--
		}
		if shown++; shown/per > left && left > 0 {
			return errDearer
		}
		return nil
	})
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return nil // what it didn't show, though it may not list, is asked for
}

// plain is a file's URI as listings spell it.
func plain(uri string) string {
	if at, rest, is := strings.Cut(uri, "://"); is {
		switch at {
		case "file":
			return rest
		case "s3a", "s3n":
			return "s3://" + rest
		}
		return uri
	}
	if rest, is := strings.CutPrefix(uri, "file:/"); is {
		return "/" + rest
	}
	return uri
}

// common is the directory that all files are in, empty where there is none.
func common(files map[string]*named) (dir string) {
	if len(files) < 2 {
		return ""
	}
	first := true
	for path := range files {
		path = plain(path)
		if here := path[:strings.LastIndexByte(path, '/')+1]; first {
			dir, first = here, false
		}
		for !strings.HasPrefix(path, dir) {
			up := strings.LastIndexByte(strings.TrimSuffix(dir, "/"), '/')
			if dir = dir[:up+1]; dir == "" {
				return ""
			}
		}
	}
	if _, key, is := strings.Cut(dir, "://"); is && strings.Count(key, "/") < 2 || dir == "/" { // a bucket, or everything
		return ""
	}
	return dir
}
