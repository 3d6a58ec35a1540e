package shine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/results"
)

// transfers is how many files of a sub-tile move at once.
const transfers = 8

// Fetch makes a sub-tile's directory available on this machine and says where
// it is: a local one is used in place; of another, what dir lacks is
// downloaded into it (a file of the same size is there already), the results
// of earlier inference left out.
func Fetch(ctx context.Context, store objstore.Store, uri, dir string) (string, error) {
	if path, ok := local(uri); ok {
		return path, nil
	}
	var files []objstore.Info
	complete := false
	base := strings.TrimRight(uri, "/") + "/"
	err := store.List(ctx, base, func(info objstore.Info) error {
		rel := strings.TrimPrefix(info.URI, base)
		if strings.HasPrefix(rel, results.Directory+"/") || strings.HasPrefix(rel, ".") {
			return nil
		}
		if !filepath.IsLocal(rel) {
			return fault.Data(CodeIncomplete, "an object's name leads out of the directory").On(info.URI)
		}
		complete = complete || rel == manifest.Local
		files = append(files, info)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("list sub-tile: %w", err)
	}
	if !complete {
		return "", fault.Input(CodeIncomplete, "no complete sub-tile is there: it has no %s", manifest.Local).On(uri).Fix("prepare the tile first")
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(transfers)
	for _, f := range files {
		g.Go(func() error {
			path := filepath.Join(dir, filepath.FromSlash(strings.TrimPrefix(f.URI, base)))
			if at, err := os.Stat(path); err == nil && at.Size() == f.Size && filepath.Base(path) != manifest.Local {
				return nil
			}
			return download(gctx, store, f, path)
		})
	}
	return dir, g.Wait()
}

func download(ctx context.Context, store objstore.Store, from objstore.Info, path string) error {
	body, err := store.Get(ctx, from.URI, from.ETag, objstore.Whole)
	if err != nil {
		return fmt.Errorf("download sub-tile: %w", err)
	}
	defer body.Close()
	to, err := objstore.Open(ctx, objstore.Config{}).Create(ctx, path)
	if err != nil {
		return err
	}
	defer to.Abort()
	if _, err := io.Copy(to, body); err != nil {
		return fmt.Errorf("download %s: %w", from.URI, err)
	}
	_, err = to.Commit()
	return err
}

// Publish uploads the results in a sub-tile's local directory to where it came
// from; a directory that was used in place has them already. shear.parquet
// comes last: where it is, the results are complete.
func Publish(ctx context.Context, store objstore.Store, dir, uri string) error {
	if path, ok := local(uri); ok && filepath.Clean(path) == filepath.Clean(dir) {
		return nil
	}
	root := filepath.Join(dir, results.Directory)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(transfers)
	put := func(ctx context.Context, rel string) error {
		f, err := os.Open(filepath.Join(root, rel))
		if err != nil {
			return err
		}
		defer f.Close()
		to, err := store.Create(ctx, objstore.Join(uri, results.Directory, filepath.ToSlash(rel)))
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
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(root, path)
		if err != nil || !d.Type().IsRegular() || rel == results.ShearFile {
			return err
		}
		g.Go(func() error { return put(gctx, rel) })
		return nil
	})
	if werr := g.Wait(); err == nil {
		err = werr
	}
	if err == nil {
		err = put(ctx, results.ShearFile)
	}
	if err != nil {
		return fmt.Errorf("publish results to %s: %w", uri, err)
	}
	return nil
}

// local is the path of a URI on this machine.
func local(uri string) (string, bool) {
	if path, ok := strings.CutPrefix(uri, "file://"); ok {
		return path, true
	}
	return uri, !strings.Contains(uri, "://")
}

// describe is a results file as it lies at path, under the name it is published by.
func describe(path, uri string) (results.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return results.File{}, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	return results.File{URI: uri, Size: n, SHA256: hex.EncodeToString(h.Sum(nil))}, err
}
