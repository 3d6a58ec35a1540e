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

// identity is what an object is known by: its ETag, or what stands in for it.
func identity(etag *string, modified *time.Time) string {
	if e := unquoted(etag); e != "" || modified == nil {
		return e
	}
	return modifiedPin + strconv.FormatInt(modified.Unix(), 10)
}

// conditions have a store answer only for the object of that identity.
func conditions(identity string) (ifMatch *string, ifUnmodifiedSince *time.Time) {
	if identity == "" {
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
	return wanted != "" && unquoted(etag) != "" && unquoted(etag) != wanted
}

// unquoted is an ETag as it is kept; it travels in quotes.
func unquoted(etag *string) string { return strings.Trim(aws.ToString(etag), `"`) }
