package objstore

import (
	"net/url"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
)

// URIs are taken as they stand: what follows the bucket or file:// is the key
// or path, byte for byte, without percent-decoding, as S3 tools write them.

// Join appends elements to a URI or path with single slashes between. It
// resolves nothing: a key may hold "..". A slash at the very end stays, so
// that Join(base, "VIS/") is a prefix for List.
func Join(base string, elem ...string) string {
	for _, e := range elem {
		switch e = strings.TrimLeft(e, "/"); {
		case e == "":
		case base == "", strings.HasSuffix(base, "/"):
			base += e
		default:
			base += "/" + e
		}
	}
	return base
}

// Base is the last element of a URI or path: the file's name.
func Base(uri string) string {
	uri = strings.TrimRight(uri, "/")
	return uri[strings.LastIndexByte(uri, '/')+1:]
}

// Rel is the path that leads from base to uri, with slashes; "." where they
// are the same. What doesn't lie below base is an error of code InvalidURI.
// A plain path and its file:// form are the same place.
func Rel(base, uri string) (string, error) {
	b := strings.TrimRight(strings.TrimPrefix(base, fileScheme), "/")
	u := strings.TrimPrefix(uri, fileScheme)
	if strings.TrimRight(u, "/") == b {
		return ".", nil
	}
	if rest, ok := strings.CutPrefix(u, b+"/"); ok {
		return rest, nil
	}
	return "", fault.Input(InvalidURI, "does not lie below %s", base).On(uri)
}

// CheckSpelling refuses a place that has more than one spelling as a URI: one with
// a space, an accent, a percent sign or the like. Programs that share files by
// name, as those that read one Iceberg table do, would look for them in different
// places. The error has code InvalidURI and no object.
func CheckSpelling(place string) error {
	uri := place
	if !strings.Contains(place, "://") {
		uri = fileScheme + place
	}
	_, path, _ := strings.Cut(uri, "://")
	if u, err := url.Parse(uri); err == nil && u.String() == uri && u.Host+u.Path == path {
		return nil
	}
	return fault.Input(InvalidURI, "%q is spelt in more than one way as a URI, and programs would look in different places", place).
		Fix("use a path of letters, digits and -._~/ only, such as a symbolic link that leads there")
}

const (
	fileScheme   = "file://"
	s3Scheme     = "s3://"
	memoryScheme = "mem://"
)

// splitBucket takes scheme://bucket/key apart. The key may be empty.
func splitBucket(scheme, uri string) (bucket, key string, err error) {
	rest, ok := strings.CutPrefix(uri, scheme)
	if !ok {
		return "", "", fault.Input(InvalidURI, "not a %sbucket/key URI", scheme).On(uri)
	}
	bucket, key, _ = strings.Cut(rest, "/")
	if bucket == "" {
		return "", "", fault.Input(InvalidURI, "names no bucket").On(uri).Fix("write %sbucket/key", scheme)
	}
	return bucket, key, nil
}

// splitObject is splitBucket for the URI of an object: it must have a name.
func splitObject(scheme, uri string) (bucket, key string, err error) {
	if bucket, key, err = splitBucket(scheme, uri); err != nil {
		return "", "", err
	}
	return bucket, key, checkObject(uri, key)
}

// CheckObject refuses what can't be an object's URI or a file's path in any store.
// The error has code InvalidURI.
func CheckObject(uri string) error {
	scheme, rest, is := strings.Cut(uri, "://")
	switch {
	case !is:
		return checkObject(uri, strings.TrimPrefix(uri, "/"))
	case scheme+"://" == fileScheme:
		return checkObject(uri, strings.TrimPrefix(rest, "/"))
	case scheme+"://" == httpsScheme, scheme+"://" == httpScheme:
		u, err := webURL(uri)
		if err != nil {
			return err
		}
		return checkObject(uri, strings.TrimPrefix(u.Path, "/"))
	}
	_, _, err := splitObject(scheme+"://", uri)
	return err
}

// checkObject refuses keys that can't name an object in every store: a name
// that ends with a slash is a directory's.
func checkObject(uri, key string) error {
	if key == "" || strings.HasSuffix(key, "/") {
		return fault.Input(InvalidURI, "names a directory, not an object").On(uri)
	}
	return nil
}
