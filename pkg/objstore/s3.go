package objstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/cosmostat/constellation/pkg/fault"
)

// s3Store keeps objects in buckets of an S3-compatible server.
type s3Store struct {
	cfg    Config
	class  types.StorageClass // of new objects; empty: the bucket's own choice
	client func() (*s3.Client, error)
}

func newS3Store(ctx context.Context, cfg Config, m *meter) *s3Store {
	return &s3Store{
		cfg:    cfg,
		client: sync.OnceValues(func() (*s3.Client, error) { return newClient(ctx, cfg, m) }),
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
	in := &s3.HeadObjectInput{Bucket: &bucket, Key: &key}
	in.IfMatch, in.IfUnmodifiedSince = conditions(etag)
	out, err := c.HeadObject(ctx, in)
	if err != nil {
		return Info{}, s.fail(ctx, "stat", uri, err)
	}
	return Info{URI: uri, Size: aws.ToInt64(out.ContentLength), ETag: identity(out.ETag, out.LastModified), Modified: aws.ToTime(out.LastModified)}, nil
}

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

// wrongAnswers is how often a GET is repeated whose answer isn't the one that was asked for.
const wrongAnswers = 3

var errWrongAnswer = errors.New("the server answered something else")

// get asks for a range until it gets that range. The part that it returns
// holds exactly what was asked for.
func (s *s3Store) get(ctx context.Context, uri, etag string, r Range) (part, error) {
	for try := 1; ; try++ {
		p, err := s.getOnce(ctx, uri, etag, r)
		if try > wrongAnswers || !errors.Is(err, errWrongAnswer) {
			return p, err
		}
		if pause(ctx, try) != nil {
			return part{}, stopped(ctx, "read", uri)
		}
	}
}

func (s *s3Store) getOnce(ctx context.Context, uri, etag string, r Range) (part, error) {
	c, bucket, key, err := s.open(ctx, "read", uri)
	if err != nil {
		return part{}, err
	}
	in := &s3.GetObjectInput{Bucket: &bucket, Key: &key}
	in.IfMatch, in.IfUnmodifiedSince = conditions(etag)
	switch {
	case r.Length > 0:
		in.Range = aws.String(fmt.Sprintf("bytes=%d-%d", r.Offset, r.Offset+r.Length-1))
	case r.Offset > 0:
		in.Range = aws.String(fmt.Sprintf("bytes=%d-", r.Offset))
	}
	out, err := c.GetObject(ctx, in)
	if err != nil {
		if a, ok := answerOf(err); ok && a.status == http.StatusRequestedRangeNotSatisfiable {
			return s.past(ctx, uri, etag, r)
		}
		return part{}, s.fail(ctx, "read", uri, err)
	}
	p := part{body: out.Body, etag: identity(out.ETag, out.LastModified), size: aws.ToInt64(out.ContentLength)}
	switch {
	case out.ContentLength == nil:
		err = fault.Passing(ServerError, "read: %w: no Content-Length", errWrongAnswer).On(uri)
	case isAnother(etag, out.ETag, out.LastModified):
		err = changed(uri)
	case in.Range != nil:
		err = p.check(uri, aws.ToString(out.ContentRange), r)
	}
	if err != nil {
		p.body.Close()
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
	return part{body: http.NoBody, etag: info.ETag}, nil
}

// check holds an answer to the range that was asked for: it begins there, has
// the bytes that it says, and ends early only where the object does.
func (p *part) check(uri, contentRange string, r Range) error {
	var from, to, total int64
	_, err := fmt.Sscanf(contentRange, "bytes %d-%d/%d", &from, &to, &total)
	switch {
	case err != nil, from != r.Offset, to-from+1 != p.size, r.Length > 0 && p.size > r.Length, p.size != r.Length && to+1 != total:
		asked := fmt.Sprintf("bytes %d-", r.Offset)
		if r.Length > 0 {
			asked += fmt.Sprint(r.Offset + r.Length - 1)
		}
		return fault.Passing(ServerError, "read: %w: %q of %d bytes when asked for %s", errWrongAnswer, contentRange, p.size, asked).On(uri)
	case r.Length > p.size:
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
