package objstore

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/cosmostat/constellation/pkg/fault"
)

// s3Store keeps objects in buckets of an S3-compatible server.
type s3Store struct {
	cfg    Config
	class  types.StorageClass // of new objects; empty: the bucket's own choice
	client func() (*s3.Client, error)
	// unmatched: the server was found to refuse an ETag that is the object's, so
	// that none is sent, and those of the answers are compared.
	unmatched *atomic.Bool
}

func newS3Store(ctx context.Context, cfg Config, m *meter) *s3Store {
	return &s3Store{
		cfg:       cfg,
		client:    sync.OnceValues(func() (*s3.Client, error) { return newClient(ctx, cfg, m) }),
		unmatched: new(atomic.Bool),
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
	c, err = s.connect(ctx, doing, uri, bucket)
	return c, bucket, key, err
}

// connect gets the client ready for a bucket.
func (s *s3Store) connect(ctx context.Context, doing, uri, bucket string) (*s3.Client, error) {
	if s.cfg.Anonymous && strings.HasSuffix(bucket, directoryBucket) { // for which the SDK has no answer
		return nil, fault.Input(AccessDenied, "%s: a directory bucket takes no unsigned requests", doing).On(uri).
			Fix("set s3_no_sign_request: false and give credentials")
	}
	c, err := s.client()
	return c, s.fail(ctx, doing, uri, err)
}

func (s *s3Store) Stat(ctx context.Context, uri string) (Info, error) { return s.stat(ctx, uri, "") }

func (s *s3Store) stat(ctx context.Context, uri, etag string) (Info, error) {
	c, bucket, key, err := s.open(ctx, "stat", uri)
	if err != nil {
		return Info{}, err
	}
	in := &s3.HeadObjectInput{Bucket: &bucket, Key: &key}
	in.IfMatch, in.IfUnmodifiedSince = s.conditions(etag)
	out, err := c.HeadObject(ctx, in)
	if err != nil {
		if err = s.fail(ctx, "stat", uri, err); in.IfMatch != nil && s.neverMatches(ctx, uri, etag, err) {
			return s.stat(ctx, uri, etag)
		}
		return Info{}, err
	}
	if err := s.compare(uri, etag, out.ETag, out.LastModified); err != nil {
		return Info{}, err
	}
	return Info{URI: uri, Size: aws.ToInt64(out.ContentLength), ETag: identity(out.ETag, out.LastModified), Modified: aws.ToTime(out.LastModified)}, nil
}

func (s *s3Store) Get(ctx context.Context, uri, etag string, r Range) (io.ReadCloser, error) {
	return getRange(ctx, s, uri, etag, r)
}

// get asks for a range until it gets that range. The part that it returns
// holds exactly what was asked for.
func (s *s3Store) get(ctx context.Context, uri, etag string, r Range) (part, error) {
	return untilRight(ctx, uri, func() (part, error) { return s.getOnce(ctx, uri, etag, r) })
}

func (s *s3Store) getOnce(ctx context.Context, uri, etag string, r Range) (part, error) {
	c, bucket, key, err := s.open(ctx, "read", uri)
	if err != nil {
		return part{}, err
	}
	in := &s3.GetObjectInput{Bucket: &bucket, Key: &key}
	in.IfMatch, in.IfUnmodifiedSince = s.conditions(etag)
	if asked := r.header(); asked != "" {
		in.Range = &asked
	}
	out, err := c.GetObject(ctx, in)
	if err != nil {
		if a, ok := answerOf(err); ok && a.status == http.StatusRequestedRangeNotSatisfiable {
			return s.past(ctx, uri, etag, r)
		}
		if err = s.fail(ctx, "read", uri, err); in.IfMatch != nil && s.neverMatches(ctx, uri, etag, err) {
			return s.getOnce(ctx, uri, etag, r)
		}
		return part{}, err
	}
	p := part{body: out.Body, etag: identity(out.ETag, out.LastModified), size: aws.ToInt64(out.ContentLength)}
	if out.ContentLength == nil {
		err = fault.Passing(ServerError, "read: %w: no Content-Length", errWrongAnswer).On(uri)
	} else if err = s.compare(uri, etag, out.ETag, out.LastModified); err == nil && in.Range != nil {
		said := aws.ToString(out.ContentRange)
		if said == "" && isWhole(out.ResultMetadata, p.size, r) {
			said = fmt.Sprintf("bytes 0-%d/%d", p.size-1, p.size)
		}
		err = p.check(uri, said, r)
	}
	if err != nil {
		p.body.Close()
		return part{}, err
	}
	return p, nil
}

// conditions have the server compare, where that does any good.
func (s *s3Store) conditions(etag string) (ifMatch *string, ifUnmodifiedSince *time.Time) {
	if ifMatch, ifUnmodifiedSince = conditions(etag); s.unmatched.Load() {
		ifMatch = nil
	}
	return ifMatch, ifUnmodifiedSince
}

// compare holds an answer to the identity that was asked for.
func (s *s3Store) compare(uri, etag string, said *string, modified *time.Time) error {
	sent, _ := s.conditions(etag)
	switch {
	case isAnother(etag, said, modified):
		return changed(uri)
	case etag != "" && sent == nil && !strings.HasPrefix(etag, modifiedPin) && unquoted(said) == "":
		return fault.Input(Refused, "the answer has no ETag to compare with that of the listing, %q, which the server does not compare itself", etag).On(uri).Fix(otherServer)
	}
	return nil
}

// neverMatches says whether a server refused an ETag that the object still has:
// what it compares with is weak by then, or it doesn't compare at all.
func (s *s3Store) neverMatches(ctx context.Context, uri, etag string, err error) bool {
	if fault.CodeOf(err) != ObjectChanged {
		return false
	}
	info, err := s.stat(ctx, uri, "")
	if err != nil || !sameTag(info.ETag, etag) {
		return false
	}
	s.unmatched.Store(true)
	return true
}

// isWhole says whether an answer without a range is what a range asked for: all
// of the object, and not a byte more or less.
func isWhole(md middleware.Metadata, size int64, r Range) bool {
	raw, ok := awsmiddleware.GetRawResponse(md).(*smithyhttp.Response)
	return ok && raw.StatusCode == http.StatusOK && r.Offset == 0 && r.Length == size
}

func (s *s3Store) past(ctx context.Context, uri, etag string, r Range) (part, error) {
	info, err := s.stat(ctx, uri, etag)
	if err != nil {
		return part{}, err
	}
	return pastEnd(info, r)
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
