package upkeep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"slices"
	"sync"

	"github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/catalog/tables"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// named is a file that others name.
type named struct {
	kind Kind
	size int64
	seen bool   // it is there, and of its size
	what string // is wrong with it
}

// manifest is one, with the snapshots that list it.
type manifest struct {
	iceberg.ManifestFile
	by   []int32 // places in the table's list of snapshots
	lost bool    // it can't be read
}

// looking is the state of a look at a table's files.
type looking struct {
	*Verified
	fs        iceio.IO
	store     objstore.Store
	snapshots []table.Snapshot // oldest first
	manifests map[string]*manifest
	bad       map[int32]bool   // snapshots with a flaw
	tiles     map[string]Tiles // of data files that a broken delete file refers to
}

// look goes down the tree: lists, manifests, files, and deep what these hold.
func (v *Verified) look(ctx context.Context, store objstore.Store, deep bool) error {
	fs, err := v.table.FS(ctx)
	if err != nil {
		return err
	}
	l := &looking{Verified: v, fs: fs, store: store, manifests: map[string]*manifest{}, bad: map[int32]bool{}, tiles: map[string]Tiles{}}
	l.snapshots = slices.Clone(v.table.Metadata().Snapshots())
	slices.SortStableFunc(l.snapshots, func(a, b table.Snapshot) int {
		return cmp.Or(cmp.Compare(a.SequenceNumber, b.SequenceNumber), cmp.Compare(a.TimestampMs, b.TimestampMs))
	})
	v.Snapshots = len(l.snapshots)
	steps := []func(context.Context) error{l.lists, l.middle, l.leaves}
	if deep {
		steps = append(steps, l.read)
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	v.seen = l
	v.whole = map[int64]bool{}
	for i, s := range l.snapshots {
		v.whole[s.SnapshotID] = !l.bad[int32(i)]
	}
	return nil
}

// lists reads each snapshot's list of manifests.
func (l *looking) lists(ctx context.Context) error {
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(tables.ManifestReads)
	wrong := map[int32]string{}
	for i, s := range l.snapshots {
		g.Go(func() error {
			if err := gctx.Err(); err != nil {
				return err
			}
			list, err := s.Manifests(l.fs)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				wrong[int32(i)], err = l.told(gctx, s.ManifestList, err)
				return err
			}
			for _, m := range list {
				known := l.manifests[m.FilePath()]
				if known == nil {
					known = &manifest{ManifestFile: m}
					l.manifests[m.FilePath()] = known
				}
				known.by = append(known.by, int32(i))
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, i := range slices.Sorted(maps.Keys(wrong)) {
		l.bad[i] = true
		l.flaw(Flaw{Kind: List, File: l.snapshots[i].ManifestList, What: wrong[i], Snapshots: []int64{l.snapshots[i].SnapshotID}})
	}
	l.Manifests = len(l.manifests)
	return nil
}

// told says what is wrong with a file that couldn't be read, or gives the error
// where it is the way there that failed.
func (l *looking) told(ctx context.Context, path string, err error) (string, error) {
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if errors.Is(err, fs.ErrNotExist) {
		return "it is not there", nil
	}
	size, there, serr := l.stat(path)
	switch {
	case serr != nil:
		return "", errors.Join(err, serr)
	case !there:
		return "it is not there", nil
	case size == 0:
		return "it is empty", nil
	case onTheWay(err):
		return "", err
	}
	return "it can't be read: " + reason(err), nil
}

// onTheWay says whether a file couldn't be reached, rather than understood.
func onTheWay(err error) bool {
	var path *fs.PathError
	var network net.Error
	kind := fault.KindOf(err)
	return errors.As(err, &path) || errors.As(err, &network) || kind == fault.Transient || kind == fault.Canceled
}

func (l *looking) stat(path string) (size int64, there bool, err error) {
	at, can := l.fs.(iceio.StatIO)
	if !can {
		f, err := l.fs.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return 0, false, nil
		} else if err != nil {
			return 0, false, err
		}
		info, err := f.Stat()
		if err = errors.Join(err, f.Close()); err != nil {
			return 0, false, err
		}
		return info.Size(), true, nil
	}
	info, err := at.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	return info.Size(), !info.IsDir(), nil
}

// middle looks for manifests and statistics.
func (l *looking) middle(ctx context.Context) error {
	files := map[string]*named{}
	by := map[string][]int32{}
	for path, m := range l.manifests {
		files[path], by[path] = &named{kind: Manifest, size: m.Length()}, m.by
	}
	place := map[int64]int32{}
	for i, s := range l.snapshots {
		place[s.SnapshotID] = int32(i)
	}
	add := func(path string, size, snapshot int64) {
		i, kept := place[snapshot]
		if _, twice := files[path]; kept && !twice {
			files[path] = &named{kind: Statistics, size: size}
			l.Statistics++
		}
		if kept {
			by[path] = append(by[path], i)
		}
	}
	for s := range l.table.Metadata().Statistics() {
		add(s.StatisticsPath, s.FileSizeInBytes, s.SnapshotID)
	}
	for s := range l.table.Metadata().PartitionStatistics() {
		add(s.StatisticsPath, s.FileSizeInBytes, s.SnapshotID)
	}
	if err := l.ask(ctx, files); err != nil {
		return err
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		f := files[path]
		l.Bytes += f.size
		if f.seen {
			continue
		}
		if f.kind == Manifest { // statistics can be done without
			l.spoil(by[path])
			l.manifests[path].lost = true
		}
		l.flaw(Flaw{Kind: f.kind, File: path, What: f.what, Snapshots: l.ids(by[path])})
	}
	return nil
}

func (l *looking) spoil(by []int32) {
	for _, i := range by {
		l.bad[i] = true
	}
}

func (l *looking) ids(by []int32) []int64 {
	by = slices.Clone(by)
	slices.Sort(by)
	by = slices.Compact(by)
	ids := make([]int64, len(by))
	for i, at := range by {
		ids[i] = l.snapshots[at].SnapshotID
	}
	return ids
}

// leaves looks for the files that the manifests name.
func (l *looking) leaves(ctx context.Context) error {
	l.files = map[string]*named{}
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(tables.ManifestReads)
	wrong := map[string]string{}
	for path, m := range l.manifests {
		if m.lost {
			continue
		}
		g.Go(func() error {
			found, err := entries(gctx, l.fs, m.ManifestFile, iceberg.ManifestEntryProjection{})
			mu.Lock()
			defer mu.Unlock()
			for path, f := range found {
				if known, twice := l.files[path]; !twice {
					l.files[path] = &named{kind: kindOf(f), size: f.FileSizeBytes()}
				} else if known.size != f.FileSizeBytes() && known.what == "" {
					known.what = fmt.Sprintf("manifests give it %d bytes and %d", known.size, f.FileSizeBytes())
				}
			}
			if err != nil {
				wrong[path], err = l.told(gctx, path, err)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, path := range slices.Sorted(maps.Keys(wrong)) {
		l.spoil(l.manifests[path].by)
		l.flaw(Flaw{Kind: Manifest, File: path, What: wrong[path], Snapshots: l.ids(l.manifests[path].by)})
		l.manifests[path].lost = true
	}
	if err := l.ask(ctx, l.files); err != nil {
		return err
	}
	for _, f := range l.files {
		l.Bytes += f.size
		if f.kind == DataFile {
			l.Data++
		} else {
			l.Deletes++
		}
	}
	return l.name(ctx, func(path string) (string, bool) {
		f := l.files[path]
		return f.what, !f.seen || f.what != ""
	}, false)
}

func kindOf(f iceberg.DataFile) Kind {
	if f.ContentType() == iceberg.EntryContentData {
		return DataFile
	}
	return DeleteFile
}

// entries gives the files that a manifest lists as there, by their paths: those
// that could be read, where it breaks off.
func entries(ctx context.Context, fs iceio.IO, m iceberg.ManifestFile, with iceberg.ManifestEntryProjection) (map[string]iceberg.DataFile, error) {
	found := map[string]iceberg.DataFile{}
	for entry, err := range iceberg.EntriesWithProjection(fs, m, true, with) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return found, err
		}
		found[entry.DataFile().FilePath()] = entry.DataFile()
	}
	return found, nil
}

// name makes flaws of bad files: which snapshots lead to them, and whose rows
// they hold, is read only now. Most tables have none.
func (l *looking) name(ctx context.Context, bad func(string) (string, bool), content bool) error {
	by, of := map[string][]int32{}, map[string]iceberg.DataFile{}
	any := false
	for path := range l.files {
		if _, is := bad(path); is {
			any = true
			break
		}
	}
	if !any {
		return nil
	}
	for _, m := range l.manifests {
		if m.lost {
			continue
		}
		found, err := entries(ctx, l.fs, m.ManifestFile, iceberg.ManifestEntryProjection{IncludePruningStats: true})
		if err != nil {
			return err
		}
		for path, f := range found {
			if _, is := bad(path); is {
				by[path], of[path] = append(by[path], m.by...), f
			}
		}
	}
	if err := l.referred(ctx, of); err != nil {
		return err
	}
	for _, path := range slices.Sorted(maps.Keys(by)) {
		l.spoil(by[path])
		what, _ := bad(path)
		l.flaw(Flaw{
			Kind: l.files[path].kind, File: path, What: what, Snapshots: l.ids(by[path]), content: content,
			tiles: tilesOf(l.table, l.layout, of[path]), refers: refersTo(of[path]),
		})
	}
	return nil
}

// referred finds whose rows delete files take out, by the data files that they refer to.
func (l *looking) referred(ctx context.Context, of map[string]iceberg.DataFile) error {
	wanted := map[string]bool{}
	for _, f := range of {
		if at := refersTo(f); at != "" {
			wanted[at] = true
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	for _, m := range l.manifests {
		if m.lost || m.ManifestContent() != iceberg.ManifestContentData {
			continue
		}
		found, err := entries(ctx, l.fs, m.ManifestFile, iceberg.ManifestEntryProjection{IncludePruningStats: true})
		if err != nil {
			return err
		}
		for path, f := range found {
			if wanted[path] {
				l.tiles[path] = tilesOf(l.table, l.layout, f)
			}
		}
	}
	return nil
}
