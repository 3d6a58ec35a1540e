package objstore

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/fault"
)

const (
	// MinPart is what each part of an assembled object but the last must have: S3's rule.
	MinPart = 5 << 20
	// MaxPart is the most that one part may have, far below S3's 5 GiB: parts are copied side by side.
	MaxPart = 256 << 20
	// NotCopied is the code of an error that says that the store can't copy
	// from there to here by itself; to read and to write may still do.
	NotCopied = "NotCopied"

	copiesInFlight = 8 // of one object
)

// Part is a part of an object that a store puts together: bytes that are given,
// or, where Bytes is nil, a range of another object, which must still have the ETag.
type Part struct {
	Bytes *Buffer
	URI   string
	ETag  string
	Range Range
}

func (p Part) size() int64 {
	if p.Bytes != nil {
		return p.Bytes.size
	}
	return p.Range.Length
}

// Assembled is an object that a store has put together.
type Assembled struct {
	Info
	CRC64NVME string // of the whole object as the store computed it, in base64
}

// Assembler is a store that can put objects together from ranges of others
// without their bytes passing through this process.
type Assembler interface {
	// Assemble makes an object of parts of [MinPart] to [MaxPart] bytes, of
	// which the last may be smaller. from is the store that the ranges would
	// be read through. Nothing is visible before it returns. Where the store
	// can't or mustn't do it, and no retry would help, the code is NotCopied.
	Assemble(ctx context.Context, uri string, from Reader, parts []Part) (Assembled, error)
}

// Assemble works from bucket to bucket of one server, and on AWS of one region.
func (m *Mux) Assemble(ctx context.Context, uri string, from Reader, parts []Part) (Assembled, error) {
	if x, ok := from.(*indexed); ok {
		a, err := m.Assemble(ctx, uri, x.Reader, parts)
		return a, x.explain(err)
	}
	if source, ok := from.(*Mux); !ok || !strings.HasPrefix(uri, s3Scheme) {
		return Assembled{}, notCopied(uri, errors.New("not between buckets"))
	} else if err := m.s3.samePlace(source.s3); err != nil {
		return Assembled{}, notCopied(uri, err)
	}
	for _, p := range parts {
		if p.Bytes == nil && !strings.HasPrefix(p.URI, s3Scheme) {
			return Assembled{}, notCopied(uri, errors.New("not between buckets"))
		}
	}
	return m.s3.assemble(ctx, uri, parts)
}

func notCopied(uri string, reason error) error {
	return fault.Input(NotCopied, "copy on the server: %w", reason).On(uri).Fix("set output.copy: stream")
}

// samePlace says why another client's objects are out of this one's reach.
func (s *s3Store) samePlace(other *s3Store) error {
	here, err := s.client()
	if err != nil {
		return err
	}
	there, err := other.client()
	if err != nil {
		return err
	}
	a, b := here.Options(), there.Options()
	switch {
	case aws.ToString(a.BaseEndpoint) != aws.ToString(b.BaseEndpoint):
		return errors.New("source and destination are different servers")
	case a.Region != b.Region:
		return fmt.Errorf("the source lies in %s, the destination in %s", b.Region, a.Region)
	}
	return nil
}

func (s *s3Store) assemble(ctx context.Context, uri string, parts []Part) (Assembled, error) {
	c, bucket, key, err := s.open(ctx, "assemble", uri)
	if err != nil {
		return Assembled{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	// No algorithm is asked for: the checksum that S3 makes by itself is the
	// CRC64NVME of the whole object, also over parts that it copies.
	u := &s3Upload{ctx: ctx, cancel: cancel, store: s, client: c, uri: uri, bucket: bucket, key: key, done: make([]types.CompletedPart, len(parts))}
	defer u.Abort()
	out, err := c.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &bucket, Key: &key, StorageClass: s.class, ContentType: aws.String(ContentType(key)),
	}, withoutChecksum)
	if err != nil {
		return Assembled{}, s.fail(ctx, "assemble", uri, err)
	}
	u.id = out.UploadId
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(copiesInFlight)
	for i, p := range parts {
		u.size += p.size()
		g.Go(func() error { return u.add(gctx, int32(i+1), p) })
	}
	if err := g.Wait(); err != nil {
		return Assembled{}, err
	}
	return u.join()
}

// withoutChecksum keeps the SDK from adding a CRC32, which would then be the
// object's. What is sent is signed with its SHA-256.
func withoutChecksum(o *s3.Options) {
	o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
}

// add sends a part, or has it copied.
func (u *s3Upload) add(ctx context.Context, number int32, p Part) error {
	var etag *string
	if p.Bytes != nil {
		defer memory.send(p.Bytes)()
		out, err := u.client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: &u.bucket, Key: &u.key, UploadId: u.id, PartNumber: &number, Body: p.Bytes.reader(), ContentLength: aws.Int64(p.size()),
		}, withoutChecksum)
		if err != nil {
			return u.store.fail(ctx, "assemble", u.uri, err)
		}
		etag = out.ETag
	} else {
		from, name, err := splitObject(s3Scheme, p.URI)
		if err != nil {
			return err
		}
		match, since := u.store.conditions(p.ETag)
		if p.ETag != "" && match == nil && since == nil {
			return notCopied(p.URI, errors.New("the source's ETag is weak, so that the server can't hold the copy to it"))
		}
		in := &s3.UploadPartCopyInput{
			Bucket: &u.bucket, Key: &u.key, UploadId: u.id, PartNumber: &number,
			CopySource:      aws.String(from + "/" + escaped(name)),
			CopySourceRange: aws.String(fmt.Sprintf("bytes=%d-%d", p.Range.Offset, p.Range.Offset+p.Range.Length-1)),
		}
		in.CopySourceIfMatch, in.CopySourceIfUnmodifiedSince = match, since
		out, err := u.client.UploadPartCopy(ctx, in)
		if err != nil {
			return u.refused(ctx, p.URI, p.ETag, err)
		}
		if out.CopyPartResult == nil {
			return fault.Passing(ServerError, "copy on the server: an answer without a result").On(p.URI)
		}
		etag = out.CopyPartResult.ETag
	}
	u.done[number-1] = types.CompletedPart{PartNumber: &number, ETag: etag}
	return nil
}

// escaped is a key as a URL has it, with nothing left that means a space to some.
func escaped(key string) string {
	return strings.NewReplacer("+", "%20", "%2F", "/").Replace(url.QueryEscape(key))
}

// refused tells what streaming can get around, such as credentials that may
// write here but not read there, from what it can't.
func (u *s3Upload) refused(ctx context.Context, from, etag string, sdk error) error {
	err := u.store.fail(ctx, "copy on the server", from, sdk)
	if u.store.neverMatches(ctx, from, etag, err) {
		return notCopied(from, err)
	}
	switch fault.CodeOf(err) {
	case AccessDenied, RegionMismatch, Refused, BucketNotFound:
		return notCopied(from, err)
	}
	return err
}

// join completes the upload.
func (u *s3Upload) join() (Assembled, error) {
	out, err := u.client.CompleteMultipartUpload(u.ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &u.bucket, Key: &u.key, UploadId: u.id, MultipartUpload: &types.CompletedMultipartUpload{Parts: u.done},
		MpuObjectSize: aws.Int64(u.size),
	})
	a := Assembled{Info: Info{URI: u.uri, Size: u.size, ETag: u.etag()}}
	switch said, ok := answerOf(err); {
	case err == nil:
		a.ETag, a.CRC64NVME = unquoted(out.ETag), aws.ToString(out.ChecksumCRC64NVME)
	case ok && said.code == "NoSuchUpload" && u.isThere(): // done already, and its answer was lost
	default:
		return Assembled{}, u.store.fail(u.ctx, "assemble", u.uri, err)
	}
	u.id = nil
	if a.CRC64NVME == "" {
		if a.CRC64NVME, err = u.checksum(); err != nil {
			return Assembled{}, err
		}
	}
	return a, nil
}

// checksum asks for that of the object, where the answer to its completion had none.
func (u *s3Upload) checksum() (string, error) {
	out, err := u.client.HeadObject(u.ctx, &s3.HeadObjectInput{Bucket: &u.bucket, Key: &u.key, ChecksumMode: types.ChecksumModeEnabled})
	if err != nil {
		return "", u.store.fail(u.ctx, "stat", u.uri, err)
	}
	if out.ChecksumCRC64NVME == nil {
		return "", notCopied(u.uri, errors.New("the store makes no CRC64NVME of its own"))
	}
	return *out.ChecksumCRC64NVME, nil
}
