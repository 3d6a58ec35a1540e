package objstore

import (
	"cmp"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

const (
	// partSize is that of the first parts, the least that S3 takes: an object up
	// to it is one PUT, and a process that writes many at a time holds little.
	partSize = MinPart
	// partsPerStep parts have one size, the next ones twice that: 10,000
	// parts, S3's limit, hold 7 TB, while objects up to 4.7 GB stay at 5 MiB.
	partsPerStep = 900
	// abortTime is what is left for cleaning up after a stop.
	abortTime = 10 * time.Second
	// firstAbort and lastAbort are what is waited between one request to forget an upload and the next.
	firstAbort, lastAbort = 20 * time.Millisecond, 400 * time.Millisecond
)

// sizeOfPart is the size of the n-th part, from 1.
func sizeOfPart(n int32) int64 { return partSize << min((n-1)/partsPerStep, 9) }

// Create buffers the object until it is a part long, and then sends parts
// while more is written.
func (s *s3Store) Create(ctx context.Context, uri string) (Upload, error) {
	c, bucket, key, err := s.open(ctx, "write", uri)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	return &s3Upload{ctx: ctx, cancel: cancel, store: s, client: c, uri: uri, bucket: bucket, key: key, next: 1}, nil
}

var _ Sharer = (*s3Upload)(nil)

type s3Upload struct {
	ctx              context.Context
	cancel           context.CancelFunc
	store            *s3Store
	client           *s3.Client
	uri, bucket, key string

	buffer  Buffer
	next    int32 // number of the part that buffer will be
	size    int64 // of the parts before it
	id      *string
	sending sync.WaitGroup

	mu   sync.Mutex
	done []types.CompletedPart
	err  error // of what failed first, or the end; all later calls say it too
}

// failed is what stopped the upload: a part's error, the end, or the caller's context.
func (u *s3Upload) failed() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.err != nil {
		return u.err
	}
	return stopped(u.ctx, "write", u.uri)
}

// stop ends the upload for a reason, unless it has ended already.
func (u *s3Upload) stop(reason error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.err == nil {
		u.err = reason
	}
	u.cancel()
}

func (u *s3Upload) Write(p []byte) (n int, err error) {
	for n < len(p) {
		room, err := u.room()
		if err != nil {
			return n, err
		}
		m := min(int64(len(p)-n), room)
		if err := u.buffer.Append(u.ctx, p[n:n+int(m)]); err != nil {
			return n, u.failed()
		}
		n += int(m)
	}
	return n, nil
}

// ReadFrom reads straight into the part that is being filled.
func (u *s3Upload) ReadFrom(r io.Reader) (n int64, err error) {
	for {
		room, err := u.room()
		if err != nil {
			return n, err
		}
		m, err := u.buffer.Take(u.ctx, r, room)
		n += m
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, cmp.Or(u.failed(), err)
		}
	}
}

// room is what the part that is being filled has left; a full one is sent first.
func (u *s3Upload) room() (int64, error) {
	if err := u.failed(); err != nil {
		return 0, err
	}
	if u.buffer.size >= sizeOfPart(u.next) {
		if err := u.flush(); err != nil {
			return 0, err
		}
	}
	return sizeOfPart(u.next) - u.buffer.size, nil
}

// Share keeps parts together with those of other uploads that are given the
// same chunks: a part ends where a run does, unless the run is too short for one.
func (u *s3Upload) Share(c *Chunk, left int64) error {
	if err := u.failed(); err != nil {
		return err
	}
	stays := u.buffer.size+int64(c.size) < MinPart
	if stays && c.size < ChunkSize/2 { // a copy is better than a chunk that is mostly empty
		if err := u.buffer.Append(u.ctx, c.Bytes()); err != nil {
			return u.failed()
		}
	} else {
		u.buffer.share(c)
	}
	full := u.buffer.size >= sizeOfPart(u.next) && left >= MinPart
	if full || left == 0 && u.buffer.size >= MinPart {
		return u.flush()
	}
	return nil
}

// flush sends the buffer as a part.
func (u *s3Upload) flush() error {
	if u.id == nil {
		in := &s3.CreateMultipartUploadInput{Bucket: &u.bucket, Key: &u.key, StorageClass: u.store.class, ContentType: aws.String(ContentType(u.key))}
		if u.summed() { // the upload as a whole has to say so first
			in.ChecksumAlgorithm = types.ChecksumAlgorithmCrc32
		}
		out, err := u.client.CreateMultipartUpload(u.ctx, in)
		if err != nil {
			return u.fail(err)
		}
		u.id = out.UploadId
	}
	number, data := u.next, u.buffer
	u.next, u.size, u.buffer = u.next+1, u.size+data.size, Buffer{}
	sent := memory.send(&data)
	u.sending.Go(func() {
		defer sent()
		defer data.Free()
		u.send(number, &data)
	})
	return nil
}

// summed says whether a CRC32 goes with what is sent, for the server to check:
// unless AWS_REQUEST_CHECKSUM_CALCULATION says otherwise, for servers that know none.
func (u *s3Upload) summed() bool {
	return u.client.Options().RequestChecksumCalculation != aws.RequestChecksumCalculationWhenRequired
}

// sum is the CRC32 of a body, and what has the signature leave the body out
// then: a SHA-256 for that, which both sides compute, is most of the work of
// sending it. Without a CRC32, the body is signed.
func (u *s3Upload) sum(data *Buffer) (crc *string, sign func(*s3.Options)) {
	if !u.summed() {
		return nil, func(*s3.Options) {}
	}
	return aws.String(base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, data.crc32()))), func(o *s3.Options) {
		o.APIOptions = append(o.APIOptions, v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware)
	}
}

func (u *s3Upload) send(number int32, data *Buffer) {
	crc, sign := u.sum(data)
	out, err := u.client.UploadPart(u.ctx, &s3.UploadPartInput{
		Bucket: &u.bucket, Key: &u.key, UploadId: u.id, PartNumber: &number, Body: data.reader(), ContentLength: &data.size,
		ChecksumCRC32: crc,
	}, sign)
	if err != nil {
		_ = u.fail(err) // noted, for Commit
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for int(number) > len(u.done) {
		u.done = append(u.done, types.CompletedPart{})
	}
	u.done[number-1] = types.CompletedPart{PartNumber: &number, ETag: out.ETag, ChecksumCRC32: crc}
}

// fail stops the upload; the first failure is the one that all later calls return.
func (u *s3Upload) fail(err error) error {
	u.stop(u.store.fail(u.ctx, "write", u.uri, err))
	return u.failed()
}

func (u *s3Upload) Commit() (Info, error) {
	if err := u.failed(); err != nil {
		return Info{}, err
	}
	etag, err := u.put()
	if u.id != nil {
		etag, err = u.complete()
	}
	if err != nil {
		return Info{}, err
	}
	info := Info{URI: u.uri, Size: u.size + u.buffer.size, ETag: etag}
	u.id = nil // nothing is left to clean up
	u.buffer.Free()
	u.stop(finished(u.uri))
	return info, nil
}

// put sends an object that fits into one part. It does nothing for a larger one.
func (u *s3Upload) put() (string, error) {
	if u.id != nil {
		return "", nil
	}
	defer memory.send(&u.buffer)()
	crc, sign := u.sum(&u.buffer)
	out, err := u.client.PutObject(u.ctx, &s3.PutObjectInput{
		Bucket: &u.bucket, Key: &u.key, Body: u.buffer.reader(), ContentLength: &u.buffer.size,
		StorageClass: u.store.class, ChecksumCRC32: crc, ContentType: aws.String(ContentType(u.key)),
	}, sign)
	if err != nil {
		return "", u.fail(err)
	}
	u.size = u.buffer.size
	u.buffer.Free()
	return unquoted(out.ETag), nil
}

func (u *s3Upload) complete() (string, error) {
	if u.buffer.size > 0 {
		if err := u.flush(); err != nil {
			return "", err
		}
	}
	u.sending.Wait()
	if err := u.failed(); err != nil {
		return "", err
	}
	out, err := u.client.CompleteMultipartUpload(u.ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &u.bucket, Key: &u.key, UploadId: u.id, MultipartUpload: &types.CompletedMultipartUpload{Parts: u.done},
		MpuObjectSize: aws.Int64(u.size),
	})
	if err != nil {
		if a, ok := answerOf(err); ok && a.code == "NoSuchUpload" && u.isThere() {
			return u.etag(), nil
		}
		return "", u.fail(err)
	}
	return unquoted(out.ETag), nil
}

// isThere says whether the object is what was uploaded: an earlier attempt to
// complete it went through, and its answer was lost.
func (u *s3Upload) isThere() bool {
	info, err := u.store.stat(u.ctx, u.uri, "")
	return err == nil && info.Size == u.size && info.ETag == u.etag()
}

// etag is what S3 gives to an object of parts: the MD5 of their MD5s and their
// number. Where the store makes its ETags otherwise, this is nobody's.
func (u *s3Upload) etag() string {
	sum := md5.New()
	for _, p := range u.done {
		part, err := hex.DecodeString(unquoted(p.ETag))
		if err != nil {
			return ""
		}
		sum.Write(part)
	}
	return fmt.Sprintf("%x-%d", sum.Sum(nil), len(u.done))
}

// Abort stops what is under way and has the store forget the parts, also when
// the caller's context has ended.
func (u *s3Upload) Abort() {
	u.stop(finished(u.uri))
	u.sending.Wait()
	u.buffer.Free()
	if u.id == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(u.ctx), abortTime)
	defer cancel()
	// A server may still be busy with a part whose sending was stopped, and keep it:
	// it has forgotten all when it knows no such upload. Any other failure leaves parts
	// that the bucket's life-cycle rule removes; the caller can do nothing about it.
	for wait := firstAbort; wait <= lastAbort; wait *= 4 {
		_, err := u.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &u.bucket, Key: &u.key, UploadId: u.id})
		if err != nil {
			break
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	u.id = nil
}
