package config

import (
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/fault"
)

// TestPlaces: what is no place as it is written is refused by every key that takes one.
func TestPlaces(t *testing.T) {
	for place, want := range map[string]string{
		"~/out": "begins with ~, which is the home directory to shells only (write the whole path", "~": "begins with ~", "~me/x": "begins with ~",
		"file://~/x": "is not a whole path behind file://", "file:///~/x": "begins with ~", "file://host/x": "is not a whole path", "file:/x": "is neither s3://",
		"$HOME/out": "has a variable in it", "/data/$USER/x": "has a variable in it", "s3://bucket/${RUN}": "has a variable in it", "/a{env}/${x}": "has a variable",
		"s3:///key": "names no bucket", "s3://": "names no bucket", "S3://b/x": "is neither s3://", "gs://b/x": "is neither s3://",
		"/a ": "has a space at an end", " /a": "has a space at an end", "/a\nb": "or a control character",
		"./~": "", "/data/~x": "", "/a b/José": "", "/a$b": "", "s3://b/$folder$": "has a variable in it", "s3://b/x$": "", "s3://b/~me": "", "/data/a#b?c%20": "", "/a:b/c": "",
	} {
		warehouse := place == "/a b/José" || strings.ContainsAny(place, "#")
		for _, key := range []string{"output.storage_base_uri", "output.catalog_warehouse", "tiling.tile_table", "data.vis_base_uri", "data.mer_base_uri", "data.catalog_base_uri"} {
			_, err := Load("f.yaml", []byte(Document(key, place)))
			if key == "output.catalog_warehouse" && warehouse {
				if err == nil || !strings.HasPrefix(err.Error(), "f.yaml: line 2, column 22: output.catalog_warehouse: \""+place+"\" is spelt in more than one way") {
					t.Errorf("%s: %q: %v", key, place, err)
				}
				continue
			}
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "f.yaml: line 2, column ") || fault.CodeOf(err) != codeInvalid) {
				t.Errorf("%s: %q: %v", key, place, err)
			}
		}
	}
	for place, want := range map[string]string{
		"https://archive.example/q2/data": "", "https://archive.example:8443/q2/data/": "", "https://archive.example": "", "http://127.0.0.1:8080/q2": "", "http://localhost/q2": "", "http://[::1]:80/q2": "",
		"https://archive.example/a%20b/~me": "",
		"http://archive.example/q2":         "can't be read: http:// is for servers on this machine only: anybody on the way could change what is read (write https://",
		"http://127.0.0.1.example/q2":       "is for servers on this machine only",
		"https://archive.example/q2?x=1":    "has no query (?)", "https://archive.example/q2#top": "no fragment (#)", "https:///q2": "names no server", "https://:443/q2": "names no server",
		"https://archive.example/q2/../q1": `has ".." in it`, "https://archive.example/100%": "invalid URL escape", "https://archive.example/${Q}": "has a variable in it",
		"HTTPS://archive.example/q2": "is neither s3://..., https://", "ftp://archive.example/q2": "is neither s3://..., https://",
		"https://me:secret@archive.example/q2": "holds a password or a token", "https://me@archive.example/q2": "what is read over https has to be open to everybody",
	} {
		for _, key := range []string{"tiling.tile_table", "data.vis_base_uri", "data.mer_base_uri", "data.catalog_base_uri"} {
			_, err := Load("f.yaml", []byte(Document(key, place)))
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret")) {
				t.Errorf("%s: %q: %v, want %q", key, place, err, want)
			}
		}
		for _, key := range []string{"output.storage_base_uri", "output.catalog_warehouse"} {
			if _, err := Load("f.yaml", []byte(Document(key, "https://archive.example/out"))); err == nil || !strings.Contains(err.Error(), "is on a web server, which nothing can be written to (write s3://bucket/prefix, or a directory)") {
				t.Errorf("%s: %v", key, err)
			}
		}
	}
	for place, fine := range map[string]bool{"wh": true, "wh_x/y": true, "a:b/wh": true, "my data/wh": false, "file:///a%20b": false, "s3://b/a b": false, "s3://b/wh": true, "/a/{b}": false, "/a\"b": false, "/a/José": false} {
		if _, err := Load("f.yaml", []byte(Document("output.catalog_warehouse", place))); (err == nil) != fine {
			t.Errorf("%s: %v", place, err)
		}
	}
	for uri, want := range map[string]string{
		"sqlite:///a/c.db": "", "sqlite:////a/c.db": "", "sqlite:///my data/José.db": "", "sqlite:///a%20b.db": "has one of the characters %, ? and #",
		"sqlite:///a.db?mode=ro": "has one of the characters", "sqlite:///a#b.db": "has one of the characters", "sqlite://c.db": "is not a whole path",
		"sqlite:///~/c.db": "begins with ~", "sqlite://~/c.db": "is not a whole path", "sqlite:///$HOME/c.db": "has a variable", "sqlite:///a/": "is a directory's name", "postgres://me@h/d?sslmode=disable": "",
		"glue://": "", "glue://eu-west-1": "", "glue://123456789012@eu-west-1": "", "glue://here": "names no region", "glue://1234@eu-west-1": "an account's number",
	} {
		_, err := Load("f.yaml", []byte("output:\n  catalog_uri: "+`"`+uri+`"`+"\n"))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "f.yaml: line 2, column 16: output.catalog_uri: ")) {
			t.Errorf("%q: %v", uri, err)
		}
	}
}

// TestGlueNames: AWS Glue would keep some names under others.
func TestGlueNames(t *testing.T) {
	const glue = "output:\n  catalog_uri: glue://eu-west-1\n"
	for text, want := range map[string]string{
		glue:                               "",
		glue + "  catalog_table: edff\n":   "",
		glue + "  catalog_table: EDFF\n":   `f.yaml: line 3, column 18: output.catalog_table: "EDFF" is no name for AWS Glue (use lower-case`,
		glue + "  catalog_namespace: Q1\n": `output.catalog_namespace: "Q1" is no name for AWS Glue`,
		"output: {catalog_table: EDFF}\n":  "",
	} {
		_, err := Load("f.yaml", []byte(text))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestSet: a value of --set is one value of YAML, all of it.
func TestSet(t *testing.T) {
	for pair, want := range map[string]string{
		"output.storage_base_uri=/data/run #2":         "YAML takes what follows the # for a comment (put the value in double quotes, inside the shell's single ones: --set 'output.storage_base_uri=\"...\"')",
		"output.storage_base_uri=#2":                   "for a comment",
		"shine.command=[a, b] # c":                     "for a comment",
		"engine=mock\ntile_ids: all":                   "is not one value",
		"engine=mock\n---\ntile_ids: all":              "is not one value",
		"output.catalog_table=x\n  catalog_uri: y":     "is not one value",
		"output.storage_base_uri=~/x":                  "begins with ~",
		"output.storage_base_uri=\"/data/run #2\"":     "",
		"output.storage_base_uri=/data/run#2":          "",
		"output.storage_base_uri='/a: b'":              "",
		"shine.command=[a, \"#\"]":                     "",
		"tile_ids=all":                                 "",
		"output.catalog_uri=":                          "",
		"data={verify: warn, exposures: all}":          "",
		"output.storage_base_uri=a: b":                 "--set output.storage_base_uri=a: b: mapping values are not allowed",
		"quadrant_concurrency=50.7":                    "--set quadrant_concurrency=50.7: quadrant_concurrency must be an integer, not 50.7",
		"inference={a: 1}":                             "",
		"region={cone: [1, 2, 3]}":                     "",
		"output.storage_base_uri=\"/data/run\" \"#2\"": "did not find expected",
	} {
		o, err := Set(pair)
		if err == nil {
			_, err = Load("f.yaml", nil, o)
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "--set ")) {
			t.Errorf("%s: %v", pair, err)
		}
	}
	o, _ := Set("output.storage_base_uri=/data/run#2")
	if c, err := Load("f.yaml", nil, o); err != nil || c.Output.StorageBase != "/data/run#2" {
		t.Error(c, err)
	}
}

// TestMargin: a margin that is enough for some sources only is warned of, by its place.
func TestMargin(t *testing.T) {
	for text, want := range map[string]string{
		"0.2134": "", "1": "", "0.2133": "f.yaml:2:27: tiling.sub_tile_margin_arcmin is 0.2133 (12.8\"), below 0.2134 (12.8\")", "0.1": "f.yaml:2:27: tiling.sub_tile_margin_arcmin is 0.1 (6\"), below 0.2134 (12.8\"), half of SHINE's largest stamp (256 px)",
		"0.0534": "tiling.sub_tile_margin_arcmin is 0.0534 (3.2\")",
	} {
		c, err := Load("f.yaml", []byte("tiling:\n  sub_tile_margin_arcmin: "+text+"\n"))
		if got := strings.Join(c.Warnings, "\n"); err != nil || want == "" && got != "" || !strings.HasPrefix(got, want) && !strings.Contains(got, want) {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
	o, _ := Set("tiling.sub_tile_margin_arcmin=0.1")
	if c, err := Load("f.yaml", []byte("engine: mock\n"), o); err != nil || len(c.Warnings) != 1 || !strings.HasPrefix(c.Warnings[0], "--set tiling.sub_tile_margin_arcmin=0.1: tiling.") {
		t.Errorf("%+v, %v", c, err)
	}
}
