package objstore

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/cosmostat/constellation/pkg/fault"
)

const (
	// rootWithin is how far into an answer its root element begins, at most.
	rootWithin = 4096
	// mostListed is far more keys than a page has: a thousand, by S3's rule.
	mostListed = 100_000
)

var errNoListing = errors.New("the answer is no listing")

// onlyListings refuses answers with status 200 that are something else: the page
// of a console or a proxy, an empty one, another document. The SDK takes
// whatever has none of a listing's elements for a listing of nothing.
func onlyListings(o *s3.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("OnlyListings", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
			out, md, err := next.HandleDeserialize(ctx, in)
			if r, ok := out.RawResponse.(*smithyhttp.Response); ok && err == nil && r.StatusCode/100 == 2 {
				err = root(r)
			}
			return out, md, err
		}), middleware.After)
	})
}

// root looks at how an answer begins, and leaves its body as it was.
func root(r *smithyhttp.Response) error {
	head := make([]byte, rootWithin)
	n, broken := 0, error(nil)
	for n < len(head) && broken == nil {
		var m int
		m, broken = r.Body.Read(head[n:])
		n += m
	}
	head = head[:n]
	name, err := rootOf(head)
	rest := io.Reader(r.Body)
	if broken != nil {
		rest = ended{broken}
	}
	r.Body = &listed{Reader: io.MultiReader(bytes.NewReader(head), rest), Closer: r.Body}
	switch {
	case err != nil && broken != nil && broken != io.EOF:
		return nil // whoever reads on gets the same error, and asks again
	case strings.HasPrefix(name, "ListBucket"):
		return nil
	case name == "Error":
		return fault.Passing(ServerError, "list: %w but an error with status 200: %q", errNoListing, shortened(head))
	}
	what := "it is empty"
	if len(bytes.TrimSpace(head)) > 0 {
		what = fmt.Sprintf("it begins with %q", shortened(bytes.TrimSpace(head)))
	}
	return fault.Input(ListingInvalid, "list: %w: %s (HTTP %d, Content-Type %q)", errNoListing, what, r.StatusCode, r.Header.Get("Content-Type")).
		Fix("check the endpoint (AWS_ENDPOINT_URL, s3_endpoint_url): what answers there is not S3, but perhaps a console or a proxy")
}

// rootOf is the name of the first element.
func rootOf(head []byte) (string, error) {
	for d := xml.NewDecoder(bytes.NewReader(head)); ; {
		t, err := d.RawToken()
		if err != nil {
			return "", err
		}
		if start, ok := t.(xml.StartElement); ok {
			return start.Name.Local, nil
		}
	}
}

func shortened(b []byte) []byte { return b[:min(len(b), 60)] }

// ended is a body after its end.
type ended struct{ err error }

func (e ended) Read([]byte) (int, error) { return 0, e.err }

// listed counts the objects of a page on their way, so that no answer makes
// more of them than memory should hold.
type listed struct {
	io.Reader
	io.Closer
	keys int
}

var listedKey = []byte("<Contents")

func (l *listed) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	if l.keys += bytes.Count(p[:n], listedKey); l.keys > mostListed {
		return 0, fault.Input(ListingInvalid, "list: a page has more than %d keys, where S3 gives a thousand", mostListed).Fix(otherServer)
	}
	return n, err
}
