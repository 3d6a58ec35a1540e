package objstore

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/cosmostat/constellation/pkg/fault"
)

// s3Store keeps objects in buckets of an S3-compatible server.
type s3Store struct {
	cfg    Config
	client func() (*s3.Client, error)
	parts  chan struct{} // a slot for each part in flight, of all uploads together
}

func newS3Store(ctx context.Context, cfg Config, m *meter) *s3Store {
	return &s3Store{
		cfg:    cfg,
		client: sync.OnceValues(func() (*s3.Client, error) { return newClient(ctx, cfg, m) }),
		parts:  make(chan struct{}, partsInFlight),
	}
}

func (s *s3Store) region() string {
	if c, err := s.client(); err == nil {
		return c.Options().Region
	}
	return s.cfg.Region
}

// open takes an object's URI apart and gets the client ready.
func (s *s3Store) open(ctx context.Context, doing, uri string) (c *s3.Client, bucket, key string, err error) {
	if bucket, key, err = splitObject(s3Scheme, uri); err != nil {
		return nil, "", "", err
	}
	if err = stopped(ctx, doing, uri); err != nil {
		return nil, "", "", err
	}
	c, err = s.client()
	return c, bucket, key, s.fail(ctx, doing, uri, err)
}

func (s *s3Store) Stat(ctx context.Context, uri string) (Info, error) { return s.stat(ctx, uri, "") }

func (s *s3Store) stat(ctx context.Context, uri, etag string) (Info, error) {
	c, bucket, key, err := s.open(ctx, "stat", uri)
	if err != nil {
		return Info{}, err
	}
	out, err := c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key, IfMatch: quoted(etag)})
	if err != nil {
		return Info{}, s.fail(ctx, "stat", uri, err)
	}
	return Info{URI: uri, Size: aws.ToInt64(out.ContentLength), ETag: unquoted(out.ETag), Modified: aws.ToTime(out.LastModified)}, nil
}

// ETags travel in quotes and are kept without.
func quoted(etag string) *string {
	if etag == "" {
		return nil
	}
	return aws.String(`"` + etag + `"`)
}

func unquoted(etag *string) string { return strings.Trim(aws.ToString(etag), `"`) }

func (s *s3Store) Get(ctx context.Context, uri, etag string, r Range) (io.ReadCloser, error) {
	if r.Offset < 0 {
		return nil, fault.New(fault.Bug, "NegativeOffset", "range at the negative offset %d", r.Offset).On(uri)
	}
	if r.Length == 0 { // HTTP has no empty range
		info, err := s.stat(ctx, uri, etag)
		if err == nil {
			_, err = r.within(uri, info.Size)
		}
		return http.NoBody, err
	}
	first, err := s.get(ctx, uri, etag, r)
	if err != nil {
		return nil, err
	}
	return newBody(ctx, uri, first, r.Offset, func(ctx context.Context, rest Range) (part, error) {
		return s.get(ctx, uri, first.etag, rest)
	}), nil
}

// get sends one GET. The part that it returns holds exactly the range.
func (s *s3Store) get(ctx context.Context, uri, etag string, r Range) (part, error) {
	c, bucket, key, err := s.open(ctx, "read", uri)
	if err != nil {
		return part{}, err
	}
	in := &s3.GetObjectInput{Bucket: &bucket, Key: &key, IfMatch: quoted(etag)}
	switch {
	case r.Length > 0:
		in.Range = aws.String(fmt.Sprintf("bytes=%d-%d", r.Offset, r.Offset+r.Length-1))
	case r.Offset > 0:
		in.Range = aws.String(fmt.Sprintf("bytes=%d-", r.Offset))
	}
	// A connection that stalls is ended without ending the caller's context.
	connection, cancel := context.WithCancel(ctx)
	out, err := c.GetObject(connection, in)
	if err != nil {
		cancel()
		if a, ok := answerOf(err); ok && a.status == http.StatusRequestedRangeNotSatisfiable {
			return s.past(ctx, uri, etag, r)
		}
		return part{}, s.fail(ctx, "read", uri, err)
	}
	p := part{body: out.Body, cancel: cancel, etag: unquoted(out.ETag), size: aws.ToInt64(out.ContentLength)}
	if out.ContentLength == nil {
		err = fault.Passing(ServerError, "read: the answer has no Content-Length").On(uri)
	} else if in.Range != nil {
		err = p.check(uri, aws.ToString(out.ContentRange), r)
	}
	if err != nil {
		p.close()
		return part{}, err
	}
	return p, nil
}

// past tells the two reasons apart for which a range can't be satisfied: it
// begins at the very end, and to the end nothing is left; or it lies outside.
func (s *s3Store) past(ctx context.Context, uri, etag string, r Range) (part, error) {
	info, err := s.stat(ctx, uri, etag)
	if err != nil {
		return part{}, err
	}
	if _, err := r.within(uri, info.Size); err != nil {
		return part{}, err
	}
	return part{body: http.NoBody, cancel: func() {}, etag: info.ETag}, nil
}

// check holds an answer to the range that was asked for.
func (p *part) check(uri, contentRange string, r Range) error {
	var from, to, total int64
	if _, err := fmt.Sscanf(contentRange, "bytes %d-%d/%d", &from, &to, &total); err != nil || from != r.Offset || to-from+1 != p.size {
		return fault.Passing(ServerError, "read: the server answered range %q when asked for byte %d on", contentRange, r.Offset).On(uri)
	}
	if r.Length > p.size {
		return truncated(uri, total)
	}
	return nil
}

func (s *s3Store) Delete(ctx context.Context, uri string) error {
	c, bucket, key, err := s.open(ctx, "delete", uri)
	if err != nil {
		return err
	}
	_, err = c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &key})
	if err = s.fail(ctx, "delete", uri, err); fault.CodeOf(err) == NotFound {
		return nil
	}
	return err
}

// List pages through the bucket. Keys that end with a slash, which consoles
// make to show a directory, are no objects here.
func (s *s3Store) List(ctx context.Context, prefix string, visit func(Info) error) error {
	bucket, key, err := splitBucket(s3Scheme, prefix)
	if err != nil {
		return err
	}
	c, err := s.client()
	if err != nil {
		return s.fail(ctx, "list", prefix, err)
	}
	pages := s3.NewListObjectsV2Paginator(c, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &key})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return s.fail(ctx, "list", prefix, err)
		}
		for _, o := range page.Contents {
			name := aws.ToString(o.Key)
			if strings.HasSuffix(name, "/") {
				continue
			}
			info := Info{URI: s3Scheme + bucket + "/" + name, Size: aws.ToInt64(o.Size), ETag: unquoted(o.ETag), Modified: aws.ToTime(o.LastModified)}
			if err := visit(info); err != nil {
				return err
			}
			if err := stopped(ctx, "list", prefix); err != nil {
				return err
			}
		}
	}
	return nil
}
