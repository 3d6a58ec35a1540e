package objstore

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/cosmostat/constellation/pkg/fault"
)

// listing is how far the listing of a bucket has come, and how to go on. Keys
// come in the order of their bytes, each once, across all pages: only by that
// can be told that a server went on where it was asked to.
type listing struct {
	client         *s3.Client
	bucket, prefix string
	ordered        bool // false: a directory bucket, which has tokens and no order

	by     paging
	token  *string // where by is token
	last   string  // the key that came last
	page   int     // how many came
	barren int     // of them without a key, in a row
}

// paging is what a page is asked for by.
type paging int

const (
	token      paging = iota // as servers of today give one
	startAfter               // the key that came last
	marker                   // likewise, in the first version of the request
)

// mostBarren is how many pages in a row may have no key and yet say that there is more.
const mostBarren = 1000

const otherServer = "the server doesn't list as S3 does: mend or update it, or copy the files to a directory or another server"

var errDisorder = errors.New("the listing is in no order")

// page is what both versions of an answer have in common.
type page struct {
	objects   []listedObject
	truncated *bool
	next      *string
	count     *int32
	groups    int
	encoded   bool
}

// listedObject is one of a listing, with its key as it was before it was encoded for the listing.
type listedObject struct {
	types.Object
	name string
}

func (l *listing) uri() string { return s3Scheme + l.bucket + "/" + l.prefix }

// ask requests a page.
func (l *listing) ask(ctx context.Context) (*page, error) {
	if l.by == marker {
		in := &s3.ListObjectsInput{Bucket: &l.bucket, Prefix: &l.prefix, Marker: &l.last}
		out, err := l.client.ListObjects(ctx, in, onlyListings)
		if err != nil {
			return nil, err
		}
		return newPage(&page{truncated: out.IsTruncated, groups: groupsIn(out.CommonPrefixes), encoded: out.EncodingType == types.EncodingTypeUrl}, out.Contents), nil
	}
	in := &s3.ListObjectsV2Input{Bucket: &l.bucket, Prefix: &l.prefix, ContinuationToken: l.token}
	if l.by == startAfter {
		in.ContinuationToken, in.StartAfter = nil, &l.last
	}
	out, err := l.client.ListObjectsV2(ctx, in, onlyListings)
	if err != nil {
		return nil, err
	}
	p := &page{truncated: out.IsTruncated, next: out.NextContinuationToken, count: out.KeyCount, groups: groupsIn(out.CommonPrefixes), encoded: out.EncodingType == types.EncodingTypeUrl}
	return newPage(p, out.Contents), nil
}

// groupsIn counts groups of keys; an empty element is none.
func groupsIn(all []types.CommonPrefix) (n int) {
	for _, p := range all {
		if aws.ToString(p.Prefix) != "" {
			n++
		}
	}
	return n
}

func newPage(p *page, objects []types.Object) *page {
	for _, o := range objects {
		p.objects = append(p.objects, listedObject{o, aws.ToString(o.Key)})
	}
	return p
}

// check holds a page to what was asked for: all keys begin with the prefix, and
// come after those before.
func (l *listing) check(p *page) error {
	switch {
	case p.groups > 0:
		return l.invalid("it groups keys by directories, which nobody asked for").Fix(otherServer)
	case p.count != nil && int(*p.count) > len(p.objects):
		return l.invalid("it says that it has %d keys, and has %d", *p.count, len(p.objects)).Fix(otherServer)
	}
	last := l.last
	for i := range p.objects {
		o := &p.objects[i]
		if p.encoded {
			name, err := url.QueryUnescape(o.name)
			if err != nil {
				return l.invalid("it says that its keys are URL-encoded, and %q is not", o.name).Fix(otherServer)
			}
			o.name = name
		}
		if err := l.checkListed(o, last); err != nil {
			return err
		}
		last = o.name
	}
	return nil
}

func (l *listing) checkListed(o *listedObject, last string) error {
	switch {
	case o.name == "":
		return l.invalid("an object has no key").Fix(otherServer)
	case !strings.HasPrefix(o.name, l.prefix):
		return l.invalid("%q does not begin with the prefix that was asked for, %q", o.name, l.prefix).Fix(otherServer)
	case l.ordered && o.name <= last:
		return l.invalid("%q comes after %q: %w", o.name, last, errDisorder).Fix(otherServer)
	case strings.HasSuffix(o.name, "/"): // a directory's
	case o.Size == nil:
		return l.invalid("%q has no size", o.name).Fix(otherServer)
	case *o.Size < 0:
		return l.invalid("%q has the size %d", o.name, *o.Size).Fix(otherServer)
	case identity(o.ETag, o.LastModified) == "":
		return l.invalid("%q has neither an ETag nor a time, by which a file that is replaced would be noticed", o.name).Fix(otherServer)
	}
	return nil
}

// advance goes on after a page; more is false where it was the last one.
func (l *listing) advance(p *page) (more bool, err error) {
	l.page++
	if l.barren++; len(p.objects) > 0 {
		l.barren, l.last = 0, p.objects[len(p.objects)-1].name
	}
	next := aws.ToString(p.next)
	switch {
	case p.truncated == nil && next == "":
		return false, l.invalid("it doesn't say whether it is all of it (IsTruncated)").Fix(otherServer)
	case !aws.ToBool(p.truncated) && next == "":
		return false, nil
	case l.barren > mostBarren:
		return false, l.invalid("%d pages in a row have no key, and say that more is to come", l.barren).Fix(otherServer)
	case next != "" && l.by == token && next == aws.ToString(l.token):
		return false, l.invalid("it has the same continuation token again, %q: it would never end", next).Fix(otherServer)
	case next != "" && l.by != marker:
		l.by, l.token = token, &next
	case l.barren > 0 || !l.ordered:
		return false, l.invalid("it says that there is more, and gives no token to go on with").Fix(otherServer)
	case l.by == token:
		l.by = startAfter
	}
	return true, nil
}

func (l *listing) invalid(format string, a ...any) *fault.Error {
	f := fault.Input(ListingInvalid, "list: the answer is no whole listing: "+format, a...).On(l.uri())
	if l.page > 0 {
		f.At("page %d", l.page+1)
	}
	return f
}
