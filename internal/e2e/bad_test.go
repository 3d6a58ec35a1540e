package e2e

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
)

// TestBadInput gives the pipeline what it can't use. It must end with one clear
// error, and leave what an earlier run made as it is.
func TestBadInput(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.do(t, "run", "--config", "constellation.yaml", "--run-id", "good")
	good := tree(t, filepath.Join(s.products, "good"))
	file := s.path("a-file")
	write(t, file, "in the way")

	for _, c := range []struct {
		name   string
		change func(t *testing.T, q1 string) // of the survey
		config func(text string) string
		args   []string
		code   string   // of an error.pb that a task wrote; empty: none did
		want   []string // patterns of standard error: object, place, remedy
	}{
		{
			name:   "config typo",
			config: func(text string) string { return strings.Replace(text, "sub_tile_grid", "sub_tile_gird", 1) },
			want:   []string{`config typo\.yaml: line 5, column 3`, `sub_tile_gird`, `sub_tile_grid`},
		},
		{name: "config missing", args: []string{"--config", "nowhere.yaml"}, want: []string{`nowhere\.yaml`, `no such configuration`, `give the file`}},
		{name: "unknown override", args: []string{"--set", "outptu.storage_base_uri=x"}, want: []string{`outptu`, `output`}},
		{name: "bad grid", args: []string{"--grid", "0,2"}, want: []string{`sub_tile_grid`, `\[0, 2\]`, `such as \[4, 4\]`}},
		{name: "huge grid", args: []string{"--grid", "1000,1000"}, want: []string{`sub_tile_grid`, `1 to 64`}},
		{name: "bad run id", args: []string{"--run-id", "../x"}, want: []string{`"\.\./x"`, `letters`}},
		{name: "unknown tile", args: []string{"--tiles", "987654321"}, code: "UnknownTile", want: []string{`987654321`, `MER`}},
		{
			name: "empty listing", code: "NoObservations", want: []string{`s3://empty-listing/q1/VIS/`, `data\.vis_base_uri`},
			change: func(t *testing.T, q1 string) { removeAll(t, filepath.Join(q1, "VIS")) },
		},
		{
			name: "no mosaics", code: "NoTiles", want: []string{`s3://no-mosaics/q1/MER/`},
			change: func(t *testing.T, q1 string) { removeAll(t, filepath.Join(q1, "MER")) },
		},
		{
			name: "wrong bucket",
			config: func(text string) string {
				return strings.ReplaceAll(text, "s3://wrong-bucket/", "s3://nobodys-bucket/")
			},
			code: "BucketNotFound", want: []string{`s3://nobodys-bucket/`, `bucket's name`},
		},
		{
			name:   "dead server",
			config: func(text string) string { return strings.ReplaceAll(text, s.server.Endpoint, deadEndpoint(t)) },
			want:   []string{`http://127\.0\.0\.1:\d+: data\.s3_endpoint_url: nobody answers there`, `connection refused`, `mend the address`},
		},
		{name: "truncated DET", change: truncate(anyDET, 0.6), code: "FilesMissing", want: []string{`DET-002682.*HDU \d+.*where they differ copy it again`, `max_missing`}},
		{
			name: "garbled card", change: card(anyDET, "1-1.F.SCI", "NAXIS1", "NAXIS1  = \x01\x02\xff garbled"),
			code: "FilesMissing", want: []string{`DET-002682.*HDU \d+.*NAXIS1.*ask who made it`},
		},
		{
			name: "missing CRVAL1", change: card(anyDET, "1-1.F.SCI", "CRVAL1", ""),
			code: "FilesMissing", want: []string{`DET-002682.*1-1\.F\.SCI.*CRVAL1: keyword is missing.*ask who made it`},
		},
		{
			name: "NaN in CD", change: card(anyDET, "1-2.G.SCI", "CD1_1", "CD1_1   =                  NaN"),
			code: "FilesMissing", want: []string{`DET-002682.*1-2\.G\.SCI.*CD1_1.*ask who made it`},
		},
		{
			name: "mosaic without WCS", change: card(anyMosaic, "", "CRVAL2", ""),
			code: "FITSKeyword", want: []string{`MER_BGSUB-MOSAIC.*CRVAL2: keyword is missing.*ask who made it`},
		},
		{
			name: "catalogue without ids", change: card(anyCatalog, "", "TTYPE1", "TTYPE1  = 'NOT_AN_ID'"),
			code: "ValidationFailed", want: []string{`FINAL-CAT_TILE102018212.*HDU 1.*lacks OBJECT_ID.*catalog_base_uri`},
		},
		{name: "truncated catalogue", change: truncate(anyCatalog, 0.9), code: "ValidationFailed", want: []string{`FINAL-CAT_TILE102018212.*HDU 1.*where they differ copy it again`}},
		{name: "no catalogue", change: remove(anyCatalog), code: "ValidationFailed", want: []string{`102018212 has no MER catalogue.*catalog_base_uri`}},
		{name: "file in the way", args: []string{"--storage", file + "/products"}, code: "NotWritable", want: []string{`a-file`, `remove it, or write elsewhere`}},
		{name: "metadata in the way", args: []string{"--metadata", file + "/flyte"}, want: []string{`^constellation: --metadata: the engine.*a-file: not a directory \(give another`}},
		{name: "no executables", args: []string{"--bin", "nowhere"}, want: []string{`nowhere/`, `build the tasks`}},
		{name: "no bucket for products", args: []string{"--storage", "s3://nobodys-bucket"}, code: "BucketNotFound", want: []string{`s3://nobodys-bucket.*bucket's name`}},
		{name: "command is missing", args: engine("no-such-program"), code: "CommandInvalid", want: []string{`no-such-program`, `shine\.command`}},
		{name: "command fails", args: engine("sh", "-c", "echo the GPU is on fire >&2; exit 3"), code: "InferenceFailed", want: []string{`exited with 3`, `the GPU is on fire`}},
		{name: "command writes nothing", args: engine("true"), code: "ValidationFailed", want: []string{`shear\.parquet`, `--output`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bucket := strings.ReplaceAll(strings.ToLower(c.name), " ", "-")
			q1 := s.bucket(t, bucket)
			if c.change != nil {
				c.change(t, q1)
			}
			text := s.config(bucket)
			if c.config != nil {
				text = c.config(text)
			}
			name := c.name + ".yaml"
			write(t, s.path(name), text)
			args := append([]string{"run", "--config", name, "--run-id", bucket, "--metadata", "flyte"}, c.args...)
			r := s.try(t, args...)
			if r.status != 1 {
				t.Errorf("exit status %d, want 1", r.status)
			}
			for _, pattern := range c.want {
				if !regexp.MustCompile(pattern).MatchString(r.stderr) {
					t.Errorf("standard error lacks %q", pattern)
				}
			}
			if n := strings.Count(r.stderr, "constellation:"); n != 1 || strings.Count(r.stderr, "\n") > 6 {
				t.Errorf("not one short error")
			}
			codes := errorCodes(t, s.path("flyte", bucket))
			if c.code != "" && !codes[c.code] || c.code == "" && len(codes) > 0 {
				t.Errorf("error.pb is of %v, want %q", codes, c.code)
			}
			sameTree(t, "earlier run", good, tree(t, filepath.Join(s.products, "good")))
			if t.Failed() || os.Getenv("E2E_SHOW") != "" {
				t.Log(r, codes)
			}
		})
	}
	s.oneCopy(t, "good")
}

// engine has SHINE's place taken by a command.
func engine(argv ...string) []string {
	return []string{"--set", "engine=shine", "--set", "shine.command=" + yamlList(argv)}
}

func yamlList(words []string) string {
	for i, w := range words {
		words[i] = `"` + w + `"`
	}
	return "[" + strings.Join(words, ", ") + "]"
}

// deadEndpoint is one where nobody listens.
func deadEndpoint(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

// errorCodes are those of the error documents below a directory.
func errorCodes(t *testing.T, dir string) map[string]bool {
	t.Helper()
	codes := map[string]bool{}
	for path := range tree(t, dir) {
		if filepath.Base(path) != "error.pb" {
			continue
		}
		var doc core.ErrorDocument
		if err := proto.Unmarshal(read(t, filepath.Join(dir, path)), &doc); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if doc.GetError().GetMessage() == "" {
			t.Errorf("%s has no message", path)
		}
		codes[doc.GetError().GetCode()] = true
	}
	return codes
}
