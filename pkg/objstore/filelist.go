package objstore

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// listPage is how many entries a listing counts as one request, as S3 pages do.
const listPage = 1000

// List walks the directory that prefix begins in. The order is that of whole
// paths byte by byte, as S3 gives it: within a directory a sub-directory sorts
// as its name with a slash, so that "a-b" comes before "a/b" before "ab".
// Links are followed; a directory that leads back into itself is entered once.
func (s *fileStore) List(ctx context.Context, prefix string, visit func(Info) error) error {
	path, err := filePath(prefix)
	if err != nil {
		return err
	}
	cut := strings.LastIndexByte(path, '/') + 1
	w := &walk{ctx: ctx, visit: visit, scheme: strings.TrimSuffix(prefix, path), meter: s.meter, unfollowed: s.unfollowed}
	s.meter.requests.Add(1)
	return w.dir(path[:cut], path[cut:], nil)
}

type walk struct {
	ctx    context.Context
	visit  func(Info) error
	scheme string
	meter  *meter
	seen   int

	unfollowed bool
}

// Unfollowed is a store whose listings of directories show symbolic links as
// objects, [Info.Link], and not what they lead to: for who removes what is
// listed. The directory that is listed may be a link itself. It shares
// everything with s; stores that know no links are returned as they are.
func Unfollowed(s Store) Store {
	m, ok := s.(*Mux)
	if !ok {
		return s
	}
	return &Mux{meter: m.meter, files: &fileStore{meter: m.meter, unfollowed: true}, s3: m.s3, web: m.web}
}

type entry struct {
	key  string // name, with a slash for a directory
	info fs.FileInfo
}

// dir visits what is in a directory, whose path ends with a slash or is empty,
// and whose entries begin with name.
func (w *walk) dir(path, name string, above []fs.FileInfo) error {
	entries, self, err := w.read(path, name)
	if err != nil || slices.ContainsFunc(above, func(fi fs.FileInfo) bool { return os.SameFile(fi, self) }) {
		return err
	}
	for _, e := range entries {
		if e.info.IsDir() {
			if err := w.dir(path+e.key, "", append(above, self)); err != nil {
				return err
			}
			continue
		}
		if err := stopped(w.ctx, "list", w.scheme+path); err != nil {
			return err
		}
		if w.seen++; w.seen%listPage == 0 {
			w.meter.requests.Add(1)
		}
		info := fileInfo(w.scheme+path+e.key, e.info)
		info.Link = e.info.Mode()&fs.ModeSymlink != 0
		if err := w.visit(info); err != nil {
			return err
		}
	}
	return nil
}

// read returns a directory's files and directories in order, and itself. One
// that isn't there is empty, as a prefix without objects is.
func (w *walk) read(path, name string) ([]entry, fs.FileInfo, error) {
	open := cmp.Or(path, ".")
	self, err := os.Stat(open)
	var found []os.DirEntry
	if err == nil {
		found, err = os.ReadDir(open)
	}
	if err != nil {
		if err = fileFault("list", w.scheme+path, err); IsNotFound(err) {
			err = nil
		}
		return nil, nil, err
	}
	entries := make([]entry, 0, len(found))
	for _, d := range found {
		if !strings.HasPrefix(d.Name(), name) || hidden(d.Name()) {
			continue
		}
		fi, err := os.Stat(path + d.Name())
		if w.unfollowed {
			fi, err = os.Lstat(path + d.Name())
		}
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // removed since, or a link to nowhere
		case err != nil:
			return nil, nil, fileFault("list", w.scheme+path+d.Name(), err)
		case fi.IsDir():
			entries = append(entries, entry{d.Name() + "/", fi})
		case fi.Mode().IsRegular(), fi.Mode()&fs.ModeSymlink != 0:
			entries = append(entries, entry{d.Name(), fi})
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	return entries, self, nil
}
