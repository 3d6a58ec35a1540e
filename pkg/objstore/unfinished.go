package objstore

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/cosmostat/constellation/pkg/fault"
)

// Unfinished is an upload that was begun and neither committed nor aborted:
// one under way, or what is left of one whose writer died.
type Unfinished struct {
	URI     string // of the object that was to be; for files, of the hidden file itself
	Started time.Time
	Size    int64 // of what is there

	id string // of the multipart upload; empty for files
}

// Unfinished calls visit for every unfinished upload below prefix, a
// directory's with or without its slash. Those of others are among them: what
// is old and what is alive is for the caller to know.
func (m *Mux) Unfinished(ctx context.Context, prefix string, visit func(Unfinished) error) error {
	if prefix = strings.TrimRight(prefix, "/") + "/"; strings.HasPrefix(prefix, s3Scheme) {
		return m.s3.unfinished(ctx, prefix, visit)
	}
	path, err := filePath(prefix)
	if err != nil {
		return err
	}
	return m.files.unfinished(ctx, strings.TrimSuffix(prefix, path), path, visit)
}

// Discard removes what an unfinished upload left. One that is gone meanwhile is no error.
func (m *Mux) Discard(ctx context.Context, u Unfinished) error {
	if u.id == "" {
		return m.files.Delete(ctx, u.URI)
	}
	c, bucket, key, err := m.s3.open(ctx, "abort the upload of", u.URI)
	if err != nil {
		return err
	}
	_, err = c.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: &key, UploadId: &u.id})
	if a, ok := answerOf(err); err != nil && ok && a.code == "NoSuchUpload" {
		return nil
	}
	return m.s3.fail(ctx, "abort the upload of", u.URI, err)
}

func (s *s3Store) unfinished(ctx context.Context, prefix string, visit func(Unfinished) error) error {
	bucket, key, err := splitBucket(s3Scheme, prefix)
	if err != nil {
		return err
	}
	c, err := s.connect(ctx, "list uploads", prefix, bucket)
	if err != nil {
		return err
	}
	pages, before := s3.NewListMultipartUploadsPaginator(c, &s3.ListMultipartUploadsInput{Bucket: &bucket, Prefix: &key}), ""
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return s.fail(ctx, "list uploads", prefix, err)
		}
		if before, err = goesOn(page.IsTruncated, before, aws.ToString(page.NextKeyMarker)+"\x00"+aws.ToString(page.NextUploadIdMarker)); err != nil {
			return fault.Input(ListingInvalid, "list uploads: %w", err).On(prefix).Fix(otherServer)
		}
		for _, o := range page.Uploads {
			u := Unfinished{URI: s3Scheme + bucket + "/" + aws.ToString(o.Key), Started: aws.ToTime(o.Initiated), id: aws.ToString(o.UploadId)}
			if u.Size, err = s.sizeOfParts(ctx, c, bucket, u); err != nil {
				return err
			}
			if err := visit(u); err != nil {
				return err
			}
		}
	}
	return nil
}

// goesOn holds a page to what it says of the next: where there is one, there is
// a marker for it, and another than before.
func goesOn(truncated *bool, before, next string) (string, error) {
	switch {
	case !aws.ToBool(truncated):
		return "", nil
	case next == "\x00" || next == before:
		return "", errors.New("the answer says that there is more, and not where to go on")
	}
	return next, nil
}

// sizeOfParts sums what an upload holds; one that ended meanwhile holds nothing.
func (s *s3Store) sizeOfParts(ctx context.Context, c *s3.Client, bucket string, u Unfinished) (n int64, err error) {
	_, key, err := splitObject(s3Scheme, u.URI)
	if err != nil {
		return 0, err
	}
	pages, before := s3.NewListPartsPaginator(c, &s3.ListPartsInput{Bucket: &bucket, Key: &key, UploadId: &u.id}), ""
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if a, ok := answerOf(err); err != nil && ok && a.code == "NoSuchUpload" {
			return 0, nil
		}
		if err != nil {
			return 0, s.fail(ctx, "list parts", u.URI, err)
		}
		if before, err = goesOn(page.IsTruncated, before, aws.ToString(page.NextPartNumberMarker)+"\x00"); err != nil {
			return 0, fault.Input(ListingInvalid, "list parts: %w", err).On(u.URI).Fix(otherServer)
		}
		for _, p := range page.Parts {
			n += aws.ToInt64(p.Size)
		}
	}
	return n, nil
}

// unfinished walks the directory; links are not followed, so that nothing
// outside it is found.
func (s *fileStore) unfinished(ctx context.Context, scheme, dir string, visit func(Unfinished) error) error {
	s.meter.requests.Add(1)
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // no such directory, or removed since
		case err != nil:
			return fileFault("list", scheme+path, err)
		case ctx.Err() != nil:
			return stopped(ctx, "list", scheme+dir)
		case !d.Type().IsRegular() || !hidden(d.Name()):
			return nil
		}
		fi, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fileFault("list", scheme+path, err)
		}
		return visit(Unfinished{URI: scheme + path, Started: fi.ModTime(), Size: fi.Size()})
	})
}

// Prune removes the empty directories below a directory, and itself where it
// is empty, links aside. Buckets have none.
func (m *Mux) Prune(ctx context.Context, dir string) error {
	if strings.HasPrefix(dir, s3Scheme) {
		return nil
	}
	path, err := filePath(dir)
	if err != nil {
		return err
	}
	var dirs []string
	err = filepath.WalkDir(path, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return fileFault("prune", path, err)
		case d.IsDir():
			dirs = append(dirs, path)
		}
		return stopped(ctx, "prune", dir)
	})
	if err != nil {
		return err
	}
	for _, d := range slices.Backward(dirs) { // what lies deeper first
		if err := syscall.Rmdir(d); err != nil && !errors.Is(err, syscall.ENOTEMPTY) && !errors.Is(err, syscall.EEXIST) && !errors.Is(err, fs.ErrNotExist) {
			return writeFault("prune", d, &os.PathError{Op: "rmdir", Path: d, Err: err})
		}
	}
	return nil
}
