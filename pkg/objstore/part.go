package objstore

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
)

// wrongAnswers is how often a GET is repeated whose answer isn't the one that was asked for.
const wrongAnswers = 3

var errWrongAnswer = errors.New("the server answered something else")

// untilRight asks until the answer is the one that was asked for.
func untilRight(ctx context.Context, uri string, once func() (part, error)) (part, error) {
	for try := 1; ; try++ {
		p, err := once()
		if try > wrongAnswers || !errors.Is(err, errWrongAnswer) {
			return p, err
		}
		if pause(ctx, try) != nil {
			return part{}, stopped(ctx, "read", uri)
		}
	}
}

// header is a range as HTTP asks for it; empty for the whole.
func (r Range) header() string {
	switch {
	case r.Length > 0:
		return fmt.Sprintf("bytes=%d-%d", r.Offset, r.Offset+r.Length-1)
	case r.Offset > 0:
		return fmt.Sprintf("bytes=%d-", r.Offset)
	}
	return ""
}

// pastEnd tells the reasons apart for which a range can't be satisfied: it
// begins at the very end, and to the end nothing is left; or it lies outside.
func pastEnd(info Info, r Range) (part, error) {
	switch n, err := r.within(info.URI, info.Size); {
	case err != nil:
		return part{}, err
	case n > 0:
		return part{}, fault.Passing(ServerError, "read: %w: that there are no such bytes, of an object of %d, when asked for %s", errWrongAnswer, info.Size, r.header()).On(info.URI)
	}
	return part{body: http.NoBody, etag: info.ETag}, nil
}

// contentRange is what an answer says which bytes it has, and of how many; a
// total of -1 is not known (RFC 9110, 14.4).
func contentRange(said string) (from, to, total int64, ok bool) {
	if _, err := fmt.Sscanf(said, "bytes %d-%d/%d", &from, &to, &total); err == nil {
		return from, to, total, true
	}
	n, _ := fmt.Sscanf(said, "bytes %d-%d/*", &from, &to)
	return from, to, -1, n == 2 && strings.HasSuffix(said, "/*")
}

// check holds an answer to the range that was asked for: it begins there, has
// the bytes that it says, and ends early only where the object does.
func (p *part) check(uri, said string, r Range) error {
	from, to, total, ok := contentRange(said)
	switch {
	case !ok, from != r.Offset, to-from+1 != p.size, r.Length > 0 && p.size > r.Length, p.size != r.Length && to+1 != total:
		asked := fmt.Sprintf("bytes %d-", r.Offset)
		if r.Length > 0 {
			asked += fmt.Sprint(r.Offset + r.Length - 1)
		}
		return fault.Passing(ServerError, "read: %w: %q of %d bytes when asked for %s", errWrongAnswer, said, p.size, asked).On(uri)
	case r.Length > p.size:
		return truncated(uri, total)
	}
	return nil
}
