package objstore

import (
	"context"
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
	c, err := s.client()
	if err != nil {
		return s.fail(ctx, "list", prefix, err)
	}
	if strings.HasSuffix(bucket, directoryBucket) {
		return s.listDirectories(ctx, c, bucket, key, visit)
	}
	return s.pages(ctx, c, bucket, key, visit)
}

func (s *s3Store) pages(ctx context.Context, c *s3.Client, bucket, key string, visit func(Info) error) error {
	prefix := s3Scheme + bucket + "/" + key
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
			info := Info{URI: s3Scheme + bucket + "/" + name, Size: aws.ToInt64(o.Size), ETag: identity(o.ETag, o.LastModified), Modified: aws.ToTime(o.LastModified)}
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

// listDirectories lists a directory bucket, which takes only prefixes that end
// with a slash and answers in no order: the listing is kept whole and sorted.
func (s *s3Store) listDirectories(ctx context.Context, c *s3.Client, bucket, key string, visit func(Info) error) error {
	var found []Info
	wanted := s3Scheme + bucket + "/" + key
	err := s.pages(ctx, c, bucket, key[:strings.LastIndexByte(key, '/')+1], func(o Info) error {
		if strings.HasPrefix(o.URI, wanted) {
			found = append(found, o)
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(found, func(a, b Info) int { return strings.Compare(a.URI, b.URI) })
	for _, o := range found {
		if err := visit(o); err != nil {
			return err
		}
		if err := stopped(ctx, "list", wanted); err != nil {
			return err
		}
	}
	return nil
}
