package objstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/cosmostat/constellation/pkg/fault"
)

const (
	// stallTime without a byte in either direction ends a connection: while a
	// body is read or written, and until the answer to a request begins. A broken read is resumed where it was, a broken request is sent
	// again. It is no limit to how long a transfer takes.
	stallTime = 30 * time.Second
	// stallEnv overrides it, for stores that are slower than that, and for tests.
	stallEnv = "CONSTELLATION_STALL_TIME"
	// slowAnswers times that is for requests that a server may have to work
	// for before it answers: to complete a large upload takes some a minute.
	slowAnswers = 6
)

// patience is how long a connection may be silent.
func patience() (time.Duration, error) {
	text := os.Getenv(stallEnv)
	if text == "" {
		return stallTime, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fault.Input("EnvironmentInvalid", "%s=%q is not a time", stallEnv, text).Fix("write it such as 30s, or leave it unset")
	}
	return d, nil
}

// stalled is the error of a connection that went silent.
type stalled time.Duration

func (s stalled) Error() string { return fmt.Sprintf("not a byte came for %s", time.Duration(s)) }

// Timeout has the SDK send the request again.
func (stalled) Timeout() bool { return true }

// watch is a timer that ends a request.
type watch interface {
	Stop() bool
	Reset(time.Duration) bool
}

// newWatch starts one. Tests have requests end when a server goes silent, not when a clock says so.
var newWatch = func(_ *http.Request, d time.Duration, end func()) watch { return time.AfterFunc(d, end) }

// patientClient ends requests that stall.
type patientClient struct {
	s3.HTTPClient
	stall time.Duration
}

func (c patientClient) Do(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	limit := c.stall
	if req.Method == http.MethodPost || req.Header.Get("X-Amz-Copy-Source") != "" {
		limit *= slowAnswers
	}
	watch := newWatch(req, limit, func() { cancel(stalled(limit)) })
	if req.Body != nil && req.Body != http.NoBody {
		watch.Stop() // until the body is there: idleConn watches it go
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { watch.Reset(limit) }})
	}
	resp, err := c.HTTPClient.Do(req.WithContext(ctx))
	watch.Stop()
	if err != nil {
		var s stalled
		if errors.As(context.Cause(ctx), &s) {
			err = s
		}
		cancel(nil)
		return nil, err
	}
	// Not the same timer: where the answer comes before the body is all sent, WroteRequest is still to come.
	silence := newWatch(req, c.stall, func() { cancel(stalled(c.stall)) })
	silence.Stop()
	resp.Body = &patientBody{body: resp.Body, ctx: ctx, cancel: cancel, watch: silence, stall: c.stall}
	return resp, nil
}

// patientBody ends when a Read waits too long; between Reads time doesn't
// count, for it is the reader's own. Close may be called while a Read waits.
type patientBody struct {
	body   io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	watch  watch
	stall  time.Duration
}

func (b *patientBody) Read(p []byte) (int, error) {
	b.watch.Reset(b.stall)
	n, err := b.body.Read(p)
	b.watch.Stop()
	var s stalled
	if err != nil && err != io.EOF && errors.As(context.Cause(b.ctx), &s) {
		err = s
	}
	return n, err
}

// Close ends the request first: net/http's own Close waits for a Read.
func (b *patientBody) Close() error {
	b.cancel(nil)
	return b.body.Close()
}

// idleConn is a connection whose Writes have to get on.
type idleConn struct {
	net.Conn
	limit time.Duration
}

func (c idleConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.limit)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// watchWrites has a transport's connections end when the other side no longer takes bytes.
func watchWrites(t *http.Transport, limit time.Duration) {
	dial := t.DialContext
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return idleConn{c, limit}, nil
	}
}

// steadfast also sends a request again whose answer broke off, which the SDK
// takes for an answer that makes no sense, and one whose body the server got
// otherwise than it was sent. It waits as the SDK does, up to 1,
// 2, 4 ... 20 seconds, where the store asks for fewer requests; where something
// broke, which the next connection may well avoid, an eighth of that.
type steadfast struct{ aws.RetryerV2 }

func (r steadfast) IsErrorRetryable(err error) bool {
	a, _ := answerOf(err)
	switch a.code {
	case "BadDigest", "XAmzContentSHA256Mismatch", "IncompleteBody":
		return true
	}
	return errors.Is(err, io.ErrUnexpectedEOF) || r.RetryerV2.IsErrorRetryable(err)
}

func (r steadfast) RetryDelay(attempt int, err error) (time.Duration, error) {
	d, fail := r.RetryerV2.RetryDelay(attempt, err)
	a, ok := answerOf(err)
	_, throttled := retry.DefaultThrottleErrorCodes[a.code]
	if ok && (throttled || a.status == http.StatusServiceUnavailable || a.status == http.StatusTooManyRequests) {
		return d, fail
	}
	return d / 8, fail
}
