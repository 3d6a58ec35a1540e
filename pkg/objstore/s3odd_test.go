package objstore_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
)

// odd serves one object of ten bytes in its own way.
type odd struct {
	etag  string // in answers
	match func(header string) bool
	whole bool // 200 in answer to all of it as a range
	get   func(w http.ResponseWriter, r *http.Request) bool
}

const tenBytes = "0123456789"

func (o *odd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if o.get != nil && o.get(w, r) {
		return
	}
	if o.etag != "" {
		w.Header().Set("ETag", o.etag)
	}
	if m := r.Header.Get("If-Match"); m != "" && o.match != nil && !o.match(m) {
		w.WriteHeader(http.StatusPreconditionFailed)
		return
	}
	var from, to int
	if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to); n == 2 && !(o.whole && from == 0 && to == 9) {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/10", from, to))
		w.WriteHeader(http.StatusPartialContent)
		fmt.Fprint(w, tenBytes[from:to+1])
		return
	}
	w.Header().Set("Content-Length", "10")
	if r.Method != http.MethodHead {
		fmt.Fprint(w, tenBytes)
	}
}

func (o *odd) open(t *testing.T) *objstore.Mux {
	server := record(t, o.ServeHTTP)
	return objstore.Open(t.Context(), objstore.Config{Region: "us-east-1", Endpoint: server.URL, Anonymous: true, Sources: true})
}

func never(string) bool { return false }

// What an ETag says is believed as far as RFC 9110 lets it.
func TestETags(t *testing.T) {
	for name, test := range map[string]struct {
		odd        odd
		pin        string
		code, says string
	}{
		"strong":                          {odd{etag: `"a"`}, "a", "", ""},
		"without quotes":                  {odd{etag: `a`}, "a", "", ""},
		"weak":                            {odd{etag: `W/"a"`, match: never}, "W/a", "", ""},
		"weakened on the way":             {odd{etag: `W/"a"`, match: never}, "a", "", ""},
		"weak in the listing alone":       {odd{etag: `"a"`}, "W/a", "", ""},
		"never matched":                   {odd{etag: `"a"`, match: never}, "a", "", ""},
		"replaced":                        {odd{etag: `"b"`, match: never}, "a", objstore.ObjectChanged, "replaced"},
		"replaced, and conditions no one": {odd{etag: `"b"`}, "a", objstore.ObjectChanged, "replaced"},
		"replaced, weak":                  {odd{etag: `W/"b"`, match: never}, "W/a", objstore.ObjectChanged, "replaced"},
		"replaced, weakened":              {odd{etag: `W/"b"`, match: never}, "a", objstore.ObjectChanged, "replaced"},
		"weak, and none to compare with":  {odd{}, "W/a", objstore.Refused, "ETag"},
	} {
		t.Run(name, func(t *testing.T) {
			s := test.odd.open(t)
			for range 2 { // what was learnt about the server holds
				for _, r := range []objstore.Range{{Offset: 2, Length: 3}, {Length: 10}, objstore.Whole, {Offset: 10}} {
					body, err := s.Get(t.Context(), "s3://bucket/x", test.pin, r)
					if test.code != "" {
						isCode(t, fmt.Sprint(r), err, fault.BadInput, test.code, test.says)
						continue
					}
					if err != nil {
						t.Fatalf("%v: %v", r, err)
					}
					got, err := io.ReadAll(body)
					body.Close()
					if want := tenBytes[r.Offset:][:max(0, min(r.Length, 10))]; err != nil || r.Length >= 0 && string(got) != want || r.Length < 0 && string(got) != tenBytes {
						t.Errorf("%v: %q, %v", r, got, err)
					}
				}
			}
		})
	}
}

// A server whose ETags are weak can't be held to one while it copies.
func TestCopyOfWeak(t *testing.T) {
	_, proxy, s := far(t)
	data := bytes.Repeat([]byte("x"), objstore.MinPart+1)
	info, err := objstore.WriteFile(t.Context(), s, "s3://bucket/x", data)
	if err != nil {
		t.Fatal(err)
	}
	part := objstore.Part{URI: info.URI, ETag: "W/" + info.ETag, Range: objstore.Range{Length: info.Size}}
	_, err = s.Assemble(t.Context(), "s3://bucket/made", s, []objstore.Part{part})
	isCode(t, "weak", err, fault.BadInput, objstore.NotCopied, "weak stream")
	proxy.Inject(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.Header.Get("X-Amz-Copy-Source-If-Match") == "" {
			return false
		}
		w.WriteHeader(http.StatusPreconditionFailed)
		return true
	})
	part.ETag = info.ETag
	for range 2 {
		_, err = s.Assemble(t.Context(), "s3://bucket/made", s, []objstore.Part{part})
		isCode(t, "never matched", err, fault.BadInput, objstore.NotCopied, "stream")
	}
}

// A 200 is as good as a range where it holds exactly that, and never else.
func TestWholeAnswers(t *testing.T) {
	s := (&odd{etag: `"a"`, whole: true}).open(t)
	at, got := objstore.ReaderAt(t.Context(), s, objstore.Info{URI: "s3://bucket/x", ETag: "a", Size: 10}), make([]byte, 10)
	if _, err := at.ReadAt(got, 0); err != nil || string(got) != tenBytes {
		t.Errorf("%q, %v", got, err)
	}
	answer := func(status, size int, header string) *objstore.Mux {
		return (&odd{get: func(w http.ResponseWriter, r *http.Request) bool {
			if header != "" {
				w.Header().Set("Content-Range", header)
			}
			w.Header().Set("ETag", `"a"`)
			w.WriteHeader(status)
			fmt.Fprint(w, strings.Repeat("x", size))
			return true
		}}).open(t)
	}
	for name, test := range map[string]struct {
		store *objstore.Mux
		r     objstore.Range
		good  bool
	}{
		"all of it":             {answer(200, 10, ""), objstore.Range{Length: 10}, true},
		"200 with a range":      {answer(200, 3, "bytes 2-4/10"), objstore.Range{Offset: 2, Length: 3}, true},
		"total unknown":         {answer(206, 3, "bytes 2-4/*"), objstore.Range{Offset: 2, Length: 3}, true},
		"more than all of it":   {answer(200, 11, ""), objstore.Range{Length: 10}, false},
		"less than all of it":   {answer(200, 9, ""), objstore.Range{Length: 10}, false},
		"as many, from further": {answer(200, 3, ""), objstore.Range{Offset: 2, Length: 3}, false},
		"206 without a range":   {answer(206, 10, ""), objstore.Range{Length: 10}, false},
		"short, total unknown":  {answer(206, 2, "bytes 2-3/*"), objstore.Range{Offset: 2, Length: 3}, false},
		"to the end, unknown":   {answer(206, 2, "bytes 2-3/*"), objstore.Range{Offset: 2, Length: -1}, false},
		"203":                   {answer(203, 10, ""), objstore.Range{Length: 10}, false},
	} {
		body, err := test.store.Get(t.Context(), "s3://bucket/x", "a", test.r)
		if test.good != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			body.Close()
		} else if fault.CodeOf(err) != objstore.ServerError {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Where requests are sent on to, or wanted in another form, the remedy is that.
func TestMisdirected(t *testing.T) {
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	var status atomic.Int64
	var location, code, message atomic.Value
	server := record(t, func(w http.ResponseWriter, r *http.Request) {
		if l := location.Load().(string); l != "" {
			w.Header().Set("Location", strings.ReplaceAll(l, "HOST", r.Host))
		}
		w.WriteHeader(int(status.Load()))
		if r.Method != http.MethodHead {
			fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", code.Load(), message.Load())
		}
	})
	for _, kv := range s3test.Env(server.URL) {
		key, value, _ := strings.Cut(kv, "=")
		t.Setenv(key, value)
	}
	host := strings.TrimPrefix(server.URL, "http://")
	sources := objstore.Open(t.Context(), objstore.Config{Endpoint: server.URL, Anonymous: true, Sources: true})
	outputs := objstore.Open(t.Context(), objstore.Config{})
	for name, test := range map[string]struct {
		status                  int64
		location, code, message string
		want, sources, outputs  string
	}{
		"https":             {301, "https://HOST/bucket/x", "MovedPermanently", "", objstore.Refused, "data.s3_endpoint_url https://" + host, "AWS_ENDPOINT_URL https://" + host},
		"https, other port": {302, "https://127.0.0.1:8443/bucket/x", "Found", "", objstore.Refused, "wants https https://127.0.0.1:8443", "AWS_ENDPOINT_URL"},
		"another server":    {301, "https://elsewhere.invalid/bucket/x", "", "", objstore.Refused, "https://elsewhere.invalid data.s3_endpoint_url", "AWS_ENDPOINT_URL"},
		"a page":            {302, "/login?next=/bucket/x", "", "", objstore.Refused, "/login data.s3_endpoint_url", "AWS_ENDPOINT_URL"},
		"bucket in front":   {301, "http://bucket.127.0.0.1/x", "PermanentRedirect", "", objstore.Refused, "data.s3_addressing: virtual", "CONSTELLATION_S3_ADDRESSING=virtual"},
		"nowhere":           {301, "", "PermanentRedirect", "", objstore.RegionMismatch, "data.s3_region", "AWS_REGION"},
		"OSS":               {403, "", "SecondLevelDomainForbidden", "Please use virtual hosted style to access.", objstore.Refused, "data.s3_addressing: virtual", "CONSTELLATION_S3_ADDRESSING=virtual"},
		"words only":        {403, "", "AccessDenied", "The bucket you are attempting to access must be addressed using OSS third level domain.", objstore.Refused, "data.s3_addressing: virtual", "CONSTELLATION_S3_ADDRESSING=virtual"},
		"COS":               {400, "", "PathStyleDomainForbidden", "", objstore.Refused, "data.s3_addressing: virtual", "CONSTELLATION_S3_ADDRESSING=virtual"},
		"not implemented":   {501, "", "NotImplemented", "A header you provided", objstore.Refused, "doesn't know", "doesn't know"},
	} {
		status.Store(test.status)
		location.Store(test.location)
		code.Store(test.code)
		message.Store(test.message)
		_, err := objstore.ReadFile(t.Context(), sources, "s3://bucket/x")
		isCode(t, name, err, fault.BadInput, test.want, test.sources)
		err = outputs.List(t.Context(), "s3://bucket/x", func(objstore.Info) error { return nil })
		isCode(t, name, err, fault.BadInput, test.want, test.outputs)
		if err != nil && test.want != objstore.RegionMismatch && strings.Contains(err.Error(), "region") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What AWS_REQUEST_CHECKSUM_CALCULATION=when_required is said to help, it helps.
func TestChecksumsUnknown(t *testing.T) {
	for name, refusal := range map[string]func(w http.ResponseWriter, header string){
		"501": func(w http.ResponseWriter, header string) {
			w.WriteHeader(501)
			fmt.Fprintf(w, "<Error><Code>NotImplemented</Code><Message>Header '%s' not implemented</Message></Error>", header)
		},
		"400": func(w http.ResponseWriter, header string) {
			w.WriteHeader(400)
			fmt.Fprintf(w, "<Error><Code>InvalidArgument</Code><Message>Unsupported header '%s' received for this API call.</Message></Error>", header)
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, proxy, _ := far(t)
			var refused atomic.Int64
			proxy.Inject(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
				for header := range r.Header {
					if h := strings.ToLower(header); strings.HasPrefix(h, "x-amz-checksum") || strings.HasPrefix(h, "x-amz-sdk-checksum") {
						refused.Add(1)
						refusal(w, h)
						return true
					}
				}
				return false
			})
			for size, what := range map[int]string{10: "one part", 2*objstore.MinPart + 1: "parts"} {
				data := bytes.Repeat([]byte("y"), size)
				t.Setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_supported")
				refused.Store(0)
				_, err := objstore.WriteFile(t.Context(), objstore.Open(t.Context(), objstore.Config{}), "s3://bucket/x", data)
				isCode(t, what, err, fault.BadInput, objstore.Refused, "AWS_REQUEST_CHECKSUM_CALCULATION=when_required")
				if refused.Load() != 1 {
					t.Errorf("%s: asked %d times", what, refused.Load())
				}
				t.Setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
				s := objstore.Open(t.Context(), objstore.Config{})
				if _, err := objstore.WriteFile(t.Context(), s, "s3://bucket/x", data); err != nil {
					t.Errorf("%s: %v", what, err)
				}
				if got, err := objstore.ReadFile(t.Context(), s, "s3://bucket/x"); err != nil || !bytes.Equal(got, data) {
					t.Errorf("%s: %d bytes came back, %v", what, len(got), err)
				}
			}
		})
	}
}

// Sources are where their settings say; the environment says where outputs go.
func TestSourcesApart(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Header().Set("ETag", `"e"`) }))
	defer server.Close()
	for _, kv := range s3test.Env(server.URL) {
		key, value, _ := strings.Cut(kv, "=")
		t.Setenv(key, value)
	}
	t.Setenv("FLYTE_AWS_ENDPOINT", server.URL)
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	for name, test := range map[string]struct {
		config objstore.Config
		host   string // that is asked
	}{
		"outputs":                  {objstore.Config{}, strings.TrimPrefix(server.URL, "http://") + "/bucket"},
		"sources on AWS":           {objstore.Config{Sources: true, Region: "eu-west-3"}, "bucket.s3.eu-west-3.amazonaws.com"},
		"sources on AWS, by path":  {objstore.Config{Sources: true, Region: "eu-west-3", Addressing: settings.PathStyle}, "s3.eu-west-3.amazonaws.com/bucket"},
		"sources elsewhere":        {objstore.Config{Sources: true, Endpoint: "http://store.example"}, "store.example/bucket"},
		"sources elsewhere, named": {objstore.Config{Sources: true, Endpoint: "http://store.example", Addressing: settings.VirtualStyle}, "bucket.store.example"},
	} {
		asked, err := objstore.Asks(t, test.config, "bucket")
		if err != nil || !strings.HasPrefix(asked, test.host) {
			t.Errorf("%s: %s, %v", name, asked, err)
		}
	}
	t.Setenv(objstore.AddressingEnv, "virtual")
	if asked, err := objstore.Asks(t, objstore.Config{Endpoint: "http://store.example"}, "bucket"); err != nil || !strings.HasPrefix(asked, "bucket.store.example") {
		t.Errorf("outputs, named: %s, %v", asked, err)
	}
	t.Setenv(objstore.AddressingEnv, "vitual")
	_, err := objstore.Open(t.Context(), objstore.Config{}).Stat(t.Context(), "s3://bucket/x")
	isCode(t, "mistyped", err, fault.BadInput, "EnvironmentInvalid", "vitual auto, path or virtual")
}
