package objstore_test

import (
	"testing"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

func TestJoin(t *testing.T) {
	for _, test := range []struct {
		base string
		elem []string
		want string
	}{
		{"s3://bucket", []string{"a", "b.fits"}, "s3://bucket/a/b.fits"},
		{"s3://bucket/", []string{"a/", "/b/"}, "s3://bucket/a/b/"},
		{"s3://bucket/q1/", nil, "s3://bucket/q1/"},
		{"s3://bucket/q1", []string{"", "x"}, "s3://bucket/q1/x"},
		{"file:///data", []string{"a"}, "file:///data/a"},
		{"/", []string{"a"}, "/a"},
		{"", []string{"a", "b"}, "a/b"},
		{"dir", []string{"../x"}, "dir/../x"},
	} {
		if got := objstore.Join(test.base, test.elem...); got != test.want {
			t.Errorf("Join(%q, %q) is %q, want %q", test.base, test.elem, got, test.want)
		}
	}
}

func TestBase(t *testing.T) {
	for uri, want := range map[string]string{
		"s3://bucket/a/b.fits": "b.fits", "s3://bucket/a/": "a", "file:///x": "x", "x": "x", "a/x": "x", "": "", "/": "",
	} {
		if got := objstore.Base(uri); got != want {
			t.Errorf("Base(%q) is %q, want %q", uri, got, want)
		}
	}
}

func TestRel(t *testing.T) {
	for _, test := range [][3]string{
		{"s3://b/run/1", "s3://b/run/1/0_0/catalog.fits", "0_0/catalog.fits"},
		{"s3://b/run/1/", "s3://b/run/1/x", "x"},
		{"file:///data/run", "/data/run/x", "x"},
		{"/data/run", "file:///data/run/x/y", "x/y"},
		{"/", "/x", "x"},
		{"s3://b/run", "s3://b/run/", "."},
		{"s3://b/run", "s3://b/run2/x", ""},
		{"s3://b/run", "s3://c/run/x", ""},
		{"s3://b/run/x", "s3://b/run", ""},
	} {
		got, err := objstore.Rel(test[0], test[1])
		if got != test[2] || (err != nil) != (got == "") || err != nil && fault.CodeOf(err) != objstore.InvalidURI {
			t.Errorf("Rel(%q, %q) is %q, %v, want %q", test[0], test[1], got, err, test[2])
		}
	}
}

func TestCheckSpelling(t *testing.T) {
	for place, plain := range map[string]bool{
		"/data/warehouse": true, "/data/a.b-c_d~e/1": true, "file:///data/warehouse": true, "s3://bucket/prefix/": true, "s3://bucket": true, "/a,b=c+d@e": true,
		"/my data/w": false, "/data/José": false, "/data/ware%20house": false, "/data/100%": false, "/data/a?b": false, "/data/a#b": false,
		"/data/{a}": false, `/data/a"b`: false, "file:///my%20data": false, "s3://bucket/a b": false, "s3://bucket/a%2Fb": false, "/data/\x07": false,
	} {
		err := objstore.CheckSpelling(place)
		if (err == nil) != plain || err != nil && fault.CodeOf(err) != objstore.InvalidURI {
			t.Errorf("%q: %v", place, err)
		}
	}
}

func TestMuxRefuses(t *testing.T) {
	s := objstore.Open(t.Context(), objstore.Config{Anonymous: true})
	for _, uri := range []string{"", "gs://bucket/x", "mem://bucket/x", "file://host/x", "file://x", "s3://", "s3:///x", "s3://bucket", "s3://bucket/", "/dir/"} {
		_, err := s.Stat(t.Context(), uri)
		if fault.KindOf(err) != fault.BadInput || fault.CodeOf(err) != objstore.InvalidURI {
			t.Errorf("%q: %v", uri, err)
		}
	}
}
