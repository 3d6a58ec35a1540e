// Package objstore moves bytes between this process and the places where they
// lie: S3-compatible object stores (s3://bucket/key) and directories (file://
// URIs and plain paths).
//
// Everything is addressed by URI. Reads are by range, writes are whole or not
// at all: a reader never sees half of an object. Failures are classified
// (package fault): throttling, resets and server errors are transient, a
// missing object is bad input with code NotFound, a refused one AccessDenied.
//
// A key is a string: "directories" are only prefixes, they are neither listed
// nor made, and no object's name ends with a slash. A directory holds the same
// objects as a bucket would, except that one name can't begin another's path.
//
// What it does not do: it keeps no cache, watches nothing, and knows no
// versions, tags or permissions of objects.
package objstore

import (
	"context"
	"io"
	"time"

	"github.com/cosmostat/constellation/pkg/fault"
)

// Info is what a store says about an object.
type Info struct {
	URI      string
	Size     int64
	ETag     string    // without quotes; for files, made of size and modification time
	Modified time.Time // zero where the store didn't say: after an upload to S3
	Link     bool      // a symbolic link, which only [Unfollowed] listings show
}

// Range is a run of bytes of an object. A negative Length reads to the end.
type Range struct{ Offset, Length int64 }

// Whole is the range that holds all of an object.
var Whole = Range{0, -1}

// Reader reads objects.
type Reader interface {
	// Stat describes one object. A missing one is an error of code NotFound.
	Stat(ctx context.Context, uri string) (Info, error)
	// Get opens a range of an object. Where etag is not empty the object must
	// still have it, else the error has code ObjectChanged. A body that ends
	// before the range does is an error from Read, never a short success; a
	// connection that breaks mid-body is resumed with a further request. A
	// range that reaches beyond the object is an error of code ObjectTruncated,
	// from Get or from Read. The body has to be closed.
	Get(ctx context.Context, uri, etag string, r Range) (io.ReadCloser, error)
}

// Lister lists objects.
type Lister interface {
	// List calls visit for every object whose URI starts with prefix, in
	// lexical order of the key, until visit fails. It pages as the store does.
	// The prefix is a string, so that of a directory ends with a slash. One
	// without objects is no error; a bucket that doesn't exist is.
	List(ctx context.Context, prefix string, visit func(Info) error) error
}

// Writer writes objects.
type Writer interface {
	// Create opens an object for writing. Nothing is visible under uri before
	// Commit returns, and an existing object stays until then.
	Create(ctx context.Context, uri string) (Upload, error)
	// Delete removes an object; a missing one is not an error.
	Delete(ctx context.Context, uri string) error
}

// Upload is an object being written, by one goroutine. To S3 it holds less than
// a part (5 MiB, more only beyond 4.7 GB, and up to twice that within a run that
// is shared); all parts of a process that are on their way have some 16 MiB.
// Those that hold anything are a [Sharer], too.
type Upload interface {
	io.Writer
	// Commit makes the object visible. After a failure nothing is.
	Commit() (Info, error)
	// Abort gives up and cleans up; after Commit it does nothing, so that it can be deferred.
	Abort()
}

// Sharer is an upload that can hold chunks together with others.
type Sharer interface {
	// Share writes a chunk, and takes no memory of its own for it. left is how
	// many bytes are to come of the same run: a part ends where a run of 5 MiB or
	// more does, and S3 takes 10,000 parts.
	Share(c *Chunk, left int64) error
}

// Share writes what other uploads are given as well. One that is no [Sharer]
// holds nothing back, and is written to.
func Share(u Upload, c *Chunk, left int64) error {
	if s, can := u.(Sharer); can {
		return s.Share(c, left)
	}
	_, err := u.Write(c.Bytes())
	return err
}

// Store does all of it.
type Store interface {
	Reader
	Lister
	Writer
}

// WriteFile writes data as one object.
func WriteFile(ctx context.Context, w Writer, uri string, data []byte) (Info, error) {
	u, err := w.Create(ctx, uri)
	if err != nil {
		return Info{}, err
	}
	defer u.Abort()
	if _, err := u.Write(data); err != nil {
		return Info{}, err
	}
	return u.Commit()
}

// MaxFile bounds what is read whole, in bytes: the record of a run of the whole
// survey has a third of it.
const MaxFile = 2 << 30

// ReadFile reads a whole object, of up to [MaxFile].
func ReadFile(ctx context.Context, r Reader, uri string) ([]byte, error) {
	return ReadAtMost(ctx, r, uri, MaxFile)
}

// ReadAtMost reads a whole object that has at most so many bytes; a larger one is
// an error of code ObjectTooLarge.
func ReadAtMost(ctx context.Context, r Reader, uri string, most int64) ([]byte, error) {
	body, err := r.Get(ctx, uri, "", Whole)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data, err := io.ReadAll(io.LimitReader(body, most+1))
	if err == nil && int64(len(data)) > most {
		return nil, fault.Data(TooLarge, "it has more than %d bytes, at most so many are read of such a file", most).On(uri).
			Fix("check that it is the file that was meant")
	}
	return data, err
}
