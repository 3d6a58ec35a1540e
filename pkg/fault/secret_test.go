package fault_test

import (
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/fault"
)

// No error prints the password of a URI, whichever part of it the URI is in.
func TestMasked(t *testing.T) {
	for in, want := range map[string]string{
		"postgres://me:hunter2@db/x":                "postgres://me:xxxxx@db/x",
		"postgres://me:hun/ter2@db/x":               "postgres://me:xxxxx@db/x",
		"postgres://me:hunt@er2@db/x":               "postgres://me:xxxxx@db/x",
		"postgresql://:hunter2@db":                  "postgresql://:xxxxx@db",
		"dial https://u:hunter2@h:1/: refused":      "dial https://u:xxxxx@h:1/: refused",
		"postgres://me@db/x?password=hunter2&a=b":   "postgres://me@db/x?password=xxxxx&a=b",
		"https://h/?X-Amz-Signature=hunter2":        "https://h/?X-Amz-Signature=xxxxx",
		"postgres://me@db:5432/x?sslmode=disable":   "postgres://me@db:5432/x?sslmode=disable",
		"postgres://me@db/x?passfile=/a/b":          "postgres://me@db/x?passfile=/a/b",
		"http://host:80/a and me@host":              "http://host:80/a and me@host",
		"http://localhost:9000/a@b":                 "http://localhost:9000/a@b",
		"s3://bucket/a@b":                           "s3://bucket/a@b",
		"s3://bucket/a:b@c":                         "s3://bucket/a:b@c",
		"http://host:80/path, see user:x@elsewhere": "http://host:80/path, see user:x@elsewhere",
	} {
		if got := fault.Masked(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
		if fault.HoldsSecret(in) != (in != want) {
			t.Errorf("%s: %v", in, fault.HoldsSecret(in))
		}
		for _, err := range []error{
			fault.Input("X", "%s", in), fault.Input("X", "x").On(in), fault.Input("X", "x").At("%s", in), fault.Input("X", "x").Fix("%s", in),
		} {
			if strings.Contains(err.Error(), "hunter2") {
				t.Error(err)
			}
		}
	}
}
