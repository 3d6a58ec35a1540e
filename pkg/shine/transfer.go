package shine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/crc64"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/survey"
)

// transfers is how many files of a sub-tile move at once.
const transfers = 8

// Fetch downloads a sub-tile's directory into dir, but for the results of
// earlier inference. A file that is there with the checksum that the manifest
// lists stays as it is; what was downloaded is held to the checksum too.
func Fetch(ctx context.Context, store objstore.Store, uri, dir string) error {
	return fetch(ctx, store, uri, dir, func(*manifest.Manifest, string) error { return nil })
}

// fetch asks about the manifest, and its SHA-256, before anything else is downloaded.
func fetch(ctx context.Context, store objstore.Store, uri, dir string, check func(m *manifest.Manifest, sum string) error) error {
	var files []objstore.Info
	var local objstore.Info // manifest_local.yaml
	base := strings.TrimRight(uri, "/") + "/"
	err := store.List(ctx, base, func(info objstore.Info) error {
		rel := strings.TrimPrefix(info.URI, base)
		if strings.HasPrefix(rel, survey.ResultsDir+"/") || strings.HasPrefix(rel, ".") {
			return nil
		}
		if !filepath.IsLocal(rel) {
			return fault.Data(CodeIncomplete, "an object's name leads out of the directory").On(info.URI)
		}
		if rel == survey.LocalManifestFile {
			local = info
			return nil
		}
		files = append(files, info)
		return nil
	})
	if err != nil {
		return fmt.Errorf("list sub-tile: %w", err)
	}
	if local.URI == "" {
		return fault.Input(CodeIncomplete, "no complete sub-tile is there: it has no %s", survey.LocalManifestFile).On(uri).Fix("prepare the tile first")
	}
	// The manifest comes first, since it knows the others, and under another
	// name: under its own it says that they are there.
	listing := filepath.Join(dir, "."+survey.LocalManifestFile)
	if err := (checksum{}).download(ctx, store, local, listing); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(dir, survey.LocalManifestFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	m, sum, err := readListing(listing)
	if err != nil {
		return fmt.Errorf("read %s: %w", local.URI, err)
	}
	if err := check(m, sum); err != nil {
		return err
	}
	products := make(map[string]manifest.Product, len(m.Files))
	for _, p := range m.Files {
		products[p.Path] = p
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(transfers)
	for _, f := range files {
		g.Go(func() error {
			rel := strings.TrimPrefix(f.URI, base)
			path := filepath.Join(dir, filepath.FromSlash(rel))
			want := checksumOf(products[rel])
			if want.there(path) {
				return nil
			}
			return want.download(gctx, store, f, path)
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return os.Rename(listing, filepath.Join(dir, survey.LocalManifestFile))
}

func readListing(path string) (m *manifest.Manifest, sum string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	read := sha256.New()
	m, err = manifest.Read(io.TeeReader(f, read))
	return m, hex.EncodeToString(read.Sum(nil)), err
}

// checksum is what a manifest lists of a file; the zero value asks for nothing.
type checksum struct {
	size int64
	make func() hash.Hash
	sum  []byte
}

func checksumOf(p manifest.Product) (c checksum) {
	const nvme = 0x9a6c9329ac4bc9b5 // the polynomial of CRC-64/NVME, reversed
	var err error
	switch {
	case p.SHA256 != "":
		c.make = sha256.New
		c.sum, err = hex.DecodeString(p.SHA256)
	case p.CRC64NVME != "":
		c.make = func() hash.Hash { return crc64.New(crc64.MakeTable(nvme)) }
		c.sum, err = base64.StdEncoding.DecodeString(p.CRC64NVME)
	}
	if err != nil {
		c.sum = nil // nothing has it
	}
	c.size = p.Size
	return c
}

// there says whether a file is the one that is wanted. Without a checksum nobody knows.
func (c checksum) there(path string) bool {
	if c.make == nil {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Size() != c.size {
		return false
	}
	h := c.make()
	_, err = io.Copy(h, f)
	return err == nil && bytes.Equal(h.Sum(nil), c.sum)
}

// download copies an object to a path, where it appears whole and right or not at all.
func (c checksum) download(ctx context.Context, store objstore.Store, from objstore.Info, path string) error {
	body, err := store.Get(ctx, from.URI, from.ETag, objstore.Whole)
	if err != nil {
		return fmt.Errorf("download: %w", err)
	}
	defer body.Close()
	to, err := objstore.Open(ctx, objstore.Config{}).Create(ctx, path)
	if err != nil {
		return err
	}
	defer to.Abort()
	into := io.Writer(to)
	var h hash.Hash
	if c.make != nil {
		h = c.make()
		into = io.MultiWriter(to, h)
	}
	if _, err := io.Copy(into, body); err != nil {
		return fmt.Errorf("download %s: %w", from.URI, err)
	}
	if h != nil && !bytes.Equal(h.Sum(nil), c.sum) {
		return fault.Data(CodeIncomplete, "the object's checksum is not the one that the manifest lists").On(from.URI).Fix("prepare the tile again")
	}
	_, err = to.Commit()
	return err
}

func upload(ctx context.Context, store objstore.Store, path, uri string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	to, err := store.Create(ctx, uri)
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

// Publish uploads the results in a sub-tile's local directory to where it came
// from; a directory that was used in place has them already. Where
// shear.parquet is, the results are complete: so an earlier one goes first, the
// new one comes last, and a process that dies in between leaves a sub-tile
// without results, never one with some of either.
func Publish(ctx context.Context, store objstore.Store, dir, uri string) error {
	if path, ok := local(uri); ok && filepath.Clean(path) == filepath.Clean(dir) {
		return nil
	}
	if err := publish(ctx, store, filepath.Join(dir, survey.ResultsDir), objstore.Join(uri, survey.ResultsDir)); err != nil {
		return fmt.Errorf("publish results to %s: %w", uri, err)
	}
	return nil
}

func publish(ctx context.Context, store objstore.Store, root, to string) error {
	if err := store.Delete(ctx, objstore.Join(to, survey.ShearFile)); err != nil {
		return err
	}
	var files []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if rel != survey.ShearFile {
			files = append(files, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		return err
	}
	// What an earlier engine left and this one doesn't write would be taken for this one's.
	var stale []string
	base := to + "/"
	err = store.List(ctx, base, func(info objstore.Info) error {
		if rel := strings.TrimPrefix(info.URI, base); !slices.Contains(files, rel) {
			stale = append(stale, info.URI)
		}
		return nil
	})
	if err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(transfers)
	for _, u := range stale {
		g.Go(func() error { return store.Delete(gctx, u) })
	}
	for _, rel := range files {
		g.Go(func() error {
			return upload(gctx, store, filepath.Join(root, filepath.FromSlash(rel)), objstore.Join(to, rel))
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return upload(ctx, store, filepath.Join(root, survey.ShearFile), objstore.Join(to, survey.ShearFile))
}

// local is the path of a URI on this machine.
func local(uri string) (string, bool) {
	if path, ok := strings.CutPrefix(uri, "file://"); ok {
		return path, true
	}
	return uri, !strings.Contains(uri, "://")
}

// describe is a results file as it lies at path, under the name it is published by.
func describe(path, uri string) (survey.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return survey.File{}, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	return survey.File{URI: uri, Size: n, SHA256: hex.EncodeToString(h.Sum(nil))}, err
}
