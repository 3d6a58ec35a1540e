package objstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"

	"github.com/cosmostat/constellation/pkg/fault"
)

// Codes of failures. The first group is the user's to mend, the second is a
// product that isn't what its index said, the third passes by itself.
const (
	NotFound       = "NotFound"       // no such object
	BucketNotFound = "BucketNotFound" // no such bucket
	AccessDenied   = "AccessDenied"   // refused, or no credentials to ask with
	TooLarge       = "ObjectTooLarge" // the object has more bytes than any that is read whole
	ObjectChanged  = "ObjectChanged"  // the object isn't the one that was indexed
	NotWritable    = "NotWritable"    // the disk is full, the directory refuses
	InvalidURI     = "InvalidURI"     // no store understands this URI
	RegionMismatch = "RegionMismatch" // the bucket lies in another region
	ListingInvalid = "ListingInvalid" // the store's listing isn't one, or not all of it
	Refused        = "RequestRefused" // any other refusal that a retry won't cure

	Truncated = "ObjectTruncated" // the object ends before the wanted range does

	Throttled      = "Throttled"      // too many requests
	ConnectionLost = "ConnectionLost" // the network failed
	ServerError    = "ServerError"    // the store failed
)

// IsNotFound says whether err means that the object isn't there.
func IsNotFound(err error) bool {
	code := fault.CodeOf(err)
	return code == NotFound || code == BucketNotFound
}

func notFound(uri string) error {
	return fault.Input(NotFound, "no such object").On(uri)
}

func changed(uri string) error {
	return fault.Input(ObjectChanged, "the object was replaced since it was indexed").On(uri).
		Fix("index again and re-run, with a new file list if data.files names one")
}

func truncated(uri string, at int64) error {
	return fault.Data(Truncated, "the object ends before the range that was asked for: %w", io.ErrUnexpectedEOF).
		On(uri).At("byte %d", at)
}

// stopped keeps a canceled context what it is; it is nil while ctx is alive.
func stopped(ctx context.Context, doing, uri string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s %s: %w", doing, uri, err)
	}
	return nil
}

// fileFault classifies what the operating system said about a path.
func fileFault(doing, uri string, err error) error {
	var classified *fault.Error
	switch {
	case err == nil, errors.As(err, &classified):
		return err
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return notFound(uri)
	case errors.Is(err, fs.ErrPermission):
		return fault.Input(AccessDenied, "%s: %w", doing, err).On(uri).Fix("check the permissions of the file and its directories")
	case errors.Is(err, syscall.EIO), errors.Is(err, syscall.ESTALE), errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return fault.Passing(ServerError, "%s: %w", doing, err).On(uri)
	}
	return fault.Input(Refused, "%s: %w", doing, err).On(uri)
}

// writeFault is fileFault for writes: what forbids them is NotWritable.
func writeFault(doing, uri string, err error) error {
	var remedy string
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		remedy = "free space, or write elsewhere"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		remedy = "make the directory writable, or write elsewhere"
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrExist), errors.Is(err, syscall.EISDIR):
		remedy = "a file stands where a directory is needed, or a directory where a file is: remove it, or write elsewhere"
	case errors.Is(err, fs.ErrNotExist):
		remedy = "the directory can't be made there: write elsewhere"
	default:
		return fileFault(doing, uri, err)
	}
	return fault.Input(NotWritable, "%s: %w", doing, err).On(uri).Fix("%s", remedy)
}
