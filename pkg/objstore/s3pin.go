package objstore

import (
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// modifiedPin begins the stand-in for an ETag of an object that has none, as
// files have that were dropped into the directory behind some servers: the
// second, as a Unix time, in which it was written. An ETag has hexadecimal digits.
const modifiedPin = "modified-"

// weakMark begins an ETag that stands for what an object means, not for its
// bytes: web servers and proxies give such. If-Match never matches one (RFC
// 9110, 13.1.1), so that it can only be compared with that of each answer.
const weakMark = "W/"

// identity is what an object is known by: its ETag, or what stands in for it.
func identity(etag *string, modified *time.Time) string {
	if e := unquoted(etag); e != "" || modified == nil {
		return e
	}
	return modifiedPin + strconv.FormatInt(modified.Unix(), 10)
}

// conditions have a store answer only for the object of that identity.
func conditions(identity string) (ifMatch *string, ifUnmodifiedSince *time.Time) {
	if identity == "" || strings.HasPrefix(identity, weakMark) {
		return nil, nil
	}
	if text, ok := strings.CutPrefix(identity, modifiedPin); ok {
		if second, err := strconv.ParseInt(text, 10, 64); err == nil {
			return nil, aws.Time(time.Unix(second, 0).UTC())
		}
	}
	return aws.String(`"` + identity + `"`), nil
}

// isAnother says whether an answer is about another object than the one of that
// identity: from a server that doesn't know conditions, or a file whose time was set back.
func isAnother(wanted string, etag *string, modified *time.Time) bool {
	if strings.HasPrefix(wanted, modifiedPin) {
		return modified != nil && identity(nil, modified) != wanted
	}
	return wanted != "" && unquoted(etag) != "" && !sameTag(unquoted(etag), wanted)
}

// sameTag is the weak comparison: a proxy on the way may have weakened either.
func sameTag(a, b string) bool {
	return strings.TrimPrefix(a, weakMark) == strings.TrimPrefix(b, weakMark)
}

// unquoted is an ETag as it is kept; it travels in quotes, and what marks it as
// weak before them.
func unquoted(etag *string) string {
	e, weak := strings.CutPrefix(aws.ToString(etag), weakMark)
	if e = strings.Trim(e, `"`); weak && e != "" {
		return weakMark + e
	}
	return e
}
