package objstore_test

import (
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// shelf is a server that lists so many keys, two a page, in its own way.
type shelf struct {
	keys int
	more func(after string, page []string) string // what a page has beside its keys
	v1   bool                                     // knows marker only
	item func(key string) string
	page func(w http.ResponseWriter, r *http.Request) bool // answers itself
}

const contents = `<Contents><Key>%s</Key><LastModified>2026-11-01T00:00:00.000Z</LastModified><ETag>"e"</ETag><Size>1</Size></Contents>`

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.page != nil && s.page(w, r) {
		return
	}
	q := r.URL.Query()
	after := q.Get("marker")
	if !s.v1 && q.Get("list-type") == "2" {
		if after = q.Get("continuation-token"); after == "" {
			after = q.Get("start-after")
		}
	}
	var keys []string
	for i := range s.keys {
		if key := fmt.Sprintf("a/%02d", i); key > after {
			keys = append(keys, key)
		}
	}
	page := keys[:min(2, len(keys))]
	fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><IsTruncated>%v</IsTruncated>`, len(keys) > 2)
	if s.more != nil {
		fmt.Fprint(w, s.more(after, page))
	}
	for _, key := range page {
		if s.item != nil {
			fmt.Fprint(w, s.item(key))
		} else {
			fmt.Fprintf(w, contents, key)
		}
	}
	fmt.Fprint(w, `</ListBucketResult>`)
}

// list lists what a server has below s3://BUCKET/a/.
func list(t *testing.T, h http.Handler, bucket string) (keys []string, requests int, err error) {
	t.Helper()
	server := record(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("session") {
			fmt.Fprintf(w, `<CreateSessionResult><Credentials><AccessKeyId>E</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>%s</Expiration></Credentials></CreateSessionResult>`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
			return
		}
		h.ServeHTTP(w, r)
	})
	for _, kv := range s3test.Env(server.URL) {
		key, value, _ := strings.Cut(kv, "=")
		t.Setenv(key, value)
	}
	s := objstore.Open(t.Context(), objstore.Config{})
	err = s.List(t.Context(), "s3://"+bucket+"/a/", func(i objstore.Info) error {
		keys = append(keys, strings.TrimPrefix(i.URI, "s3://"+bucket+"/"))
		return nil
	})
	return keys, len(server.requests), err
}

func token(after string, page []string) string {
	if len(page) < 2 || page[1] == "a/04" {
		return ""
	}
	return "<NextContinuationToken>" + page[1] + "</NextContinuationToken>"
}

// What a server has is listed whole, in whichever way it goes on.
func TestListings(t *testing.T) {
	all := []string{"a/00", "a/01", "a/02", "a/03", "a/04"}
	for name, test := range map[string]struct {
		shelf    shelf
		want     []string
		requests int
	}{
		"tokens":             {shelf{keys: 5, more: token}, all, 3},
		"start-after":        {shelf{keys: 5}, all, 3},
		"marker":             {shelf{keys: 5, v1: true}, all, 4},
		"nothing":            {shelf{}, nil, 1},
		"no groups":          {shelf{keys: 1, more: func(string, []string) string { return "<CommonPrefixes></CommonPrefixes>" }}, all[:1], 1},
		"fewer than counted": {shelf{keys: 2, more: func(string, []string) string { return "<KeyCount>0</KeyCount>" }}, all[:2], 1},
		"empty pages": {shelf{page: func(w http.ResponseWriter, r *http.Request) bool {
			if at := r.URL.Query().Get("continuation-token"); len(at) < 4 {
				fmt.Fprintf(w, "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>%sx</NextContinuationToken></ListBucketResult>", at)
			} else {
				fmt.Fprintf(w, "<ListBucketResult><IsTruncated>false</IsTruncated>"+contents+"</ListBucketResult>", "a/00")
			}
			return true
		}}, all[:1], 5},
		"token though not truncated": {shelf{page: func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Query().Get("continuation-token") == "" {
				fmt.Fprintf(w, "<ListBucketResult><IsTruncated>false</IsTruncated><NextContinuationToken>x</NextContinuationToken>"+contents+"</ListBucketResult>", "a/00")
			} else {
				fmt.Fprintf(w, "<ListBucketResult><IsTruncated>false</IsTruncated>"+contents+"</ListBucketResult>", "a/01")
			}
			return true
		}}, all[:2], 2},
		"encoded": {shelf{keys: 1, more: func(string, []string) string { return "<EncodingType>url</EncodingType>" }, item: func(string) string {
			return fmt.Sprintf(contents, "a/x%2By+z%25")
		}}, []string{"a/x+y z%"}, 1},
		"as it stands": {shelf{keys: 1, item: func(string) string { return fmt.Sprintf(contents, "a/x%2By+z") }}, []string{"a/x%2By+z"}, 1},
		"directories":  {shelf{keys: 1, item: func(string) string { return "<Contents><Key>a/b/</Key></Contents>" }}, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			got, requests, err := list(t, &test.shelf, "bucket")
			if err != nil || !slices.Equal(got, test.want) || requests != test.requests {
				t.Errorf("%q in %d requests, %v", got, requests, err)
			}
		})
	}
}

// What isn't a listing, or not all of one, is never taken for it.
func TestNoListings(t *testing.T) {
	says := func(text string) shelf {
		return shelf{page: func(w http.ResponseWriter, _ *http.Request) bool { fmt.Fprint(w, text); return true }}
	}
	truncated := func(more string) shelf {
		return says("<ListBucketResult><IsTruncated>true</IsTruncated>" + more + "</ListBucketResult>")
	}
	item := func(xml string) shelf { return shelf{keys: 1, item: func(string) string { return xml }} }
	one, two := fmt.Sprintf(contents, "a/00"), fmt.Sprintf(contents, "a/01")
	for name, test := range map[string]struct {
		shelf shelf
		says  string
	}{
		"neither token nor marker": {truncated(one), "a/00"},
		"no key to go on after":    {truncated(""), "no token"},
		"token for ever":           {truncated(one + "<NextContinuationToken>t</NextContinuationToken>"), "a/00"},
		"token for ever, no keys":  {truncated("<NextContinuationToken>t</NextContinuationToken>"), "same continuation token"},
		"page":                     {says("<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in<br></body></html>"), "endpoint Sign"},
		"page of XHTML":            {says(`<html xmlns="http://www.w3.org/1999/xhtml"><body/></html>`), "endpoint html"},
		"text":                     {says("OK"), "OK"},
		"JSON":                     {says(`{"objects": []}`), "objects"},
		"empty":                    {says(""), "empty"},
		"spaces":                   {says(" \n"), "empty"},
		"no element":               {says(`<?xml version="1.0"?>`), "xml"},
		"buckets":                  {says("<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>"), "ListAllMyBucketsResult"},
		"listing of versions":      {says("<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>"), "ListVersionsResult"},
		"no IsTruncated":           {says("<ListBucketResult>" + one + "</ListBucketResult>"), "IsTruncated"},
		"nothing in it":            {says("<ListBucketResult/>"), "IsTruncated"},
		"KeyCount":                 {shelf{keys: 2, more: func(string, []string) string { return "<KeyCount>3</KeyCount>" }}, "3 2"},
		"groups":                   {shelf{keys: 2, more: func(string, []string) string { return "<CommonPrefixes><Prefix>a/</Prefix></CommonPrefixes>" }}, "groups"},
		"twice":                    {shelf{keys: 1, item: func(string) string { return one + one }}, "a/00"},
		"out of order":             {shelf{keys: 1, item: func(string) string { return two + one }}, "a/01"},
		"other prefix":             {item(strings.ReplaceAll(one, "a/00", "b/00")), "b/00"},
		"prefix left out":          {item(strings.ReplaceAll(one, "a/00", "00")), "prefix"},
		"encoded, and not so":      {shelf{keys: 1, more: func(string, []string) string { return "<EncodingType>url</EncodingType>" }, item: func(string) string { return fmt.Sprintf(contents, "a/%zz") }}, "%zz"},
		"no size":                  {item(`<Contents><Key>a/00</Key><ETag>"e"</ETag></Contents>`), "size a/00"},
		"negative size":            {item(`<Contents><Key>a/00</Key><ETag>"e"</ETag><Size>-1</Size></Contents>`), "-1 a/00"},
		"no key":                   {item(`<Contents><ETag>"e"</ETag><Size>1</Size></Contents>`), "key"},
		"neither ETag nor time":    {item(`<Contents><Key>a/00</Key><Size>1</Size></Contents>`), "ETag"},
		"more keys than any page":  {says("<ListBucketResult><IsTruncated>false</IsTruncated>" + strings.Repeat("<Contents/>", 200_000) + "</ListBucketResult>"), "thousand"},
		"wrong from the third page": {shelf{keys: 9, more: func(after string, page []string) string {
			return "<NextContinuationToken>" + min(page[1], "a/03") + "</NextContinuationToken>"
		}}, "continuation token page"},
	} {
		t.Run(name, func(t *testing.T) {
			keys, requests, err := list(t, &test.shelf, "bucket")
			isCode(t, fmt.Sprintf("%q in %d requests", keys, requests), err, fault.BadInput, objstore.ListingInvalid, test.says)
			if requests > 12 {
				t.Errorf("%d requests", requests)
			}
		})
	}
	for name, text := range map[string]string{
		"cut off":  "<ListBucketResult><IsTruncated>false</IsTruncated>" + one,
		"an error": "<Error><Code>InternalError</Code></Error>",
	} {
		h := says(text)
		_, _, err := list(t, &h, "bucket")
		isCode(t, name, err, fault.Transient, objstore.ServerError, "")
	}
}

// Directory buckets have no order, and all else is as with others.
func TestDirectoryListings(t *testing.T) {
	const bucket = "stage--use1-az4--x-s3"
	pages := func(texts ...string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			text := texts[min(len(r.URL.Query().Get("continuation-token")), len(texts)-1)]
			fmt.Fprint(w, "<ListBucketResult>"+text+"</ListBucketResult>")
		})
	}
	key := func(name string) string { return fmt.Sprintf(contents, name) }
	const first, second, end = "<IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken>", "<IsTruncated>true</IsTruncated><NextContinuationToken>xx</NextContinuationToken>", "<IsTruncated>false</IsTruncated>"
	got, _, err := list(t, pages(first+key("a/2")+key("a/1"), second+key("a/0"), end+key("a/3")), bucket)
	if want := []string{"a/0", "a/1", "a/2", "a/3"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	unsigned := objstore.Open(t.Context(), objstore.Config{Anonymous: true})
	err = unsigned.List(t.Context(), "s3://"+bucket+"/a/", func(objstore.Info) error { return nil })
	isCode(t, "unsigned", err, fault.BadInput, objstore.AccessDenied, "s3_no_sign_request: false")
	_, err = unsigned.Stat(t.Context(), "s3://"+bucket+"/a/1")
	isCode(t, "unsigned", err, fault.BadInput, objstore.AccessDenied, "s3_no_sign_request: false")
	for name, h := range map[string]http.Handler{
		"no token":   pages("<IsTruncated>true</IsTruncated>" + key("a/2")),
		"same token": pages(first + key("a/2")),
		"a key anew": pages(first+key("a/2"), end+key("a/2")),
	} {
		keys, _, err := list(t, h, bucket)
		isCode(t, fmt.Sprintf("%s: %q", name, keys), err, fault.BadInput, objstore.ListingInvalid, "server")
	}
}

// A listing goes on after keys of any form.
func TestListingAfter(t *testing.T) {
	names := []string{"a/\x01?", "a/ +%", "a/é&<", "a/\U0001F30C"}
	got, _, err := list(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at := 0
		if after := r.URL.Query().Get("start-after"); after != "" {
			at = 1 + slices.Index(names, after)
		}
		fmt.Fprintf(w, "<ListBucketResult><IsTruncated>%v</IsTruncated><EncodingType>url</EncodingType>"+contents+"</ListBucketResult>", at < 3, url.QueryEscape(names[at]))
	}), "bucket")
	if err != nil || !slices.Equal(got, names) {
		t.Errorf("%q, %v", got, err)
	}
}

// An answer of ten megabytes takes no more memory than a listing may.
func TestListingMemory(t *testing.T) {
	text := "<ListBucketResult>" + strings.Repeat("<Contents/>", 900_000)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err := list(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }), "bucket")
	runtime.ReadMemStats(&after)
	isCode(t, "too many keys", err, fault.BadInput, objstore.ListingInvalid, "thousand")
	if n := after.TotalAlloc - before.TotalAlloc; n > 256<<20 {
		t.Errorf("%d bytes were allocated", n)
	}
}
