package objstore

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// directoryBucket is how the names of S3 Express One Zone's buckets end.
const directoryBucket = "--x-s3"

// List pages through the bucket. Keys that end with a slash, which consoles
// make to show a directory, are no objects here.
func (s *s3Store) List(ctx context.Context, prefix string, visit func(Info) error) error {
	bucket, key, err := splitBucket(s3Scheme, prefix)
	if err != nil {
		return err
	}
	c, err := s.connect(ctx, "list", prefix, bucket)
	if err != nil {
		return err
	}
	if strings.HasSuffix(bucket, directoryBucket) {
		return s.listDirectories(ctx, c, bucket, key, visit)
	}
	return s.pages(ctx, &listing{client: c, bucket: bucket, prefix: key, ordered: true}, visit)
}

// pages visits what a listing holds until a page says that it is the last one.
// A listing that can't be gone on with is an error: a part is never the whole.
func (s *s3Store) pages(ctx context.Context, l *listing, visit func(Info) error) error {
	for more := true; more; {
		page, err := s.nextPage(ctx, l)
		if err != nil {
			return err
		}
		for _, o := range page.objects {
			if strings.HasSuffix(o.name, "/") {
				continue
			}
			info := Info{URI: s3Scheme + l.bucket + "/" + o.name, Size: *o.Size, ETag: identity(o.ETag, o.LastModified), Modified: aws.ToTime(o.LastModified)}
			if err := visit(info); err != nil {
				return err
			}
			if err := stopped(ctx, "list", l.uri()); err != nil {
				return err
			}
		}
		if more, err = l.advance(page); err != nil {
			return err
		}
	}
	return nil
}

// nextPage asks for a page until the answer is a listing that goes on where the
// one before ended. Where there was no token, one server takes the last key in
// one form, and another in the older one.
func (s *s3Store) nextPage(ctx context.Context, l *listing) (*page, error) {
	for try := 1; ; try++ {
		p, err := l.ask(ctx)
		switch {
		case errors.Is(err, errNoListing) && try <= wrongAnswers:
			if pause(ctx, try) != nil {
				return nil, stopped(ctx, "list", l.uri())
			}
			continue
		case err != nil:
			return nil, s.fail(ctx, "list", l.uri(), err)
		}
		err = l.check(p)
		if errors.Is(err, errDisorder) && l.by == startAfter {
			l.by = marker // a server that knows the first version only lists from the start again
			continue
		}
		return p, err
	}
}

// listDirectories lists a directory bucket, which takes only prefixes that end
// with a slash and answers in no order: the listing is kept whole and sorted.
func (s *s3Store) listDirectories(ctx context.Context, c *s3.Client, bucket, key string, visit func(Info) error) error {
	var found []Info
	wanted := s3Scheme + bucket + "/" + key
	l := &listing{client: c, bucket: bucket, prefix: key[:strings.LastIndexByte(key, '/')+1]}
	err := s.pages(ctx, l, func(o Info) error {
		if strings.HasPrefix(o.URI, wanted) {
			found = append(found, o)
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(found, func(a, b Info) int { return strings.Compare(a.URI, b.URI) })
	for i, o := range found {
		if i > 0 && o.URI == found[i-1].URI {
			return l.invalid("it has %q twice: %w", o.URI, errDisorder).Fix(otherServer)
		}
		if err := visit(o); err != nil {
			return err
		}
		if err := stopped(ctx, "list", wanted); err != nil {
			return err
		}
	}
	return nil
}
