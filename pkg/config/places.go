package config

import (
	"errors"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
)

// validatePlaces refuses what is no place as it is written: a mistyped scheme or
// a ~ would otherwise be a directory of that name.
func (l *loader) validatePlaces(c *Config) error {
	if err := l.validateSecrets(c); err != nil {
		return err
	}
	places := c.Paths()
	for _, key := range slices.Sorted(maps.Keys(places)) {
		if say, fix := checkPlace(key, places[key]); say != "" {
			return l.fixed(l.refuse(key, "", "%s: %q %s", key, places[key], say), fix)
		}
	}
	if e := c.Data.Endpoint; e != "" && !strings.HasPrefix(e, "http://") && !strings.HasPrefix(e, "https://") {
		return l.refuse("data.s3_endpoint_url", "", "data.s3_endpoint_url: %q is not the URL of a server (write http://host:port or https://host)", e)
	}
	if w := c.Output.Warehouse; w != "" {
		if !strings.Contains(w, "://") && !path.IsAbs(w) {
			w = "/" + w // below a directory that is looked at when the path is made whole
		}
		if err := objstore.CheckSpelling(w); err != nil {
			return l.refuse("output.catalog_warehouse", "", "output.catalog_warehouse: %w", err)
		}
	}
	if key, say, fix := checkGlue(c.Output.Catalog); say != "" {
		return l.fixed(l.refuse(key, "", "%s: %q %s", key, map[string]string{"output.catalog_uri": c.Output.URI, "output.catalog_namespace": c.Output.Namespace, "output.catalog_table": c.Output.Table}[key], say), fix)
	}
	if say, fix := checkSQLite(c.Output.URI); say != "" {
		return l.fixed(l.refuse("output.catalog_uri", "", "output.catalog_uri: %q %s", c.Output.URI, say), fix)
	}
	return nil
}

// fixed gives an error the remedy, or the nearest thing to it that it can have.
func (l *loader) fixed(err *fault.Error, fix string) error {
	if fix == "" {
		return err
	}
	return err.Fix("%s", fix)
}

// variable is how shells have a variable at the beginning of a path's element, or in it.
var variable = regexp.MustCompile(`(^|/)\$[A-Za-z_]|\$\{`)

// control is what names of files and objects are never written with on purpose.
var control = regexp.MustCompile(`[\x00-\x1f\x7f]`)

// checkPlace says what is wrong with a path or URI as it is written, and what to do.
func checkPlace(key, place string) (say, fix string) {
	scheme, rest, isURI := strings.Cut(place, "://")
	head, _, colon := strings.Cut(place, ":/")
	output, web := strings.HasPrefix(key, "output."), scheme == "https" || scheme == "http"
	switch {
	case isURI && web && output:
		return "is on a web server, which nothing can be written to", "write s3://bucket/prefix, or a directory"
	case isURI && web:
		if say, fix := checkWeb(place); say != "" {
			return say, fix
		}
	case !output && (isURI && !isStore(scheme) || !isURI && colon && !strings.Contains(head, "/")):
		return "is neither s3://..., https://..., file://... nor a path (write s3://bucket/prefix, https://host/prefix, or a directory)", ""
	case isURI && !isStore(scheme) || !isURI && colon && !strings.Contains(head, "/"):
		return "is neither s3://..., file://... nor a path (write s3://bucket/prefix, or a directory)", ""
	case isURI && scheme == "file" && !strings.HasPrefix(rest, "/"):
		return "is not a whole path behind file://", "write file:///path, with three slashes, or the path alone"
	case isURI && scheme == "s3" && (rest == "" || rest[0] == '/'):
		return "names no bucket", "write s3://bucket/prefix"
	}
	if control.MatchString(place) || strings.TrimSpace(place) != place {
		return "has a space at an end, or a control character", "write the path without it"
	}
	if !isURI {
		rest = place
	}
	if rest = strings.TrimLeft(rest, "/"); strings.HasPrefix(rest, "~") && (!isURI || scheme == "file") && (!strings.HasPrefix(place, "/") || isURI) {
		return "begins with ~, which is the home directory to shells only", "write the whole path; a directory of that very name is ./~"
	}
	if variable.MatchString(rest) {
		return "has a variable in it, and nothing replaces variables here", "write what it stands for, or let the shell do it: --set key=\"$VARIABLE/...\""
	}
	return "", ""
}

// checkWeb says what is wrong with the URL of files on a web server.
func checkWeb(place string) (say, fix string) {
	var f *fault.Error
	if errors.As(objstore.CheckWeb(place), &f) {
		return "can't be read: " + f.Err.Error(), f.Remedy
	}
	return "", ""
}

// checkSQLite says what is wrong with the URI of an SQLite catalogue. Other
// programs that open it by the same URI read %, ? and # in it in their ways.
func checkSQLite(uri string) (say, fix string) {
	file, ok := strings.CutPrefix(uri, "sqlite://")
	switch {
	case !ok:
		return "", ""
	case !path.IsAbs(file):
		return "is not a whole path behind sqlite://", "sqlite:///path/to/catalog.db has three slashes"
	case strings.HasPrefix(strings.TrimLeft(file, "/"), "~"):
		return "begins with ~, which is the home directory to shells only", "write the whole path"
	case strings.ContainsAny(file, "%?#") || control.MatchString(file):
		return "has one of the characters %, ? and #, which programs read in different ways", "use a path without them, such as a symbolic link that leads there"
	case variable.MatchString(file):
		return "has a variable in it, and nothing replaces variables here", "write what it stands for"
	case strings.HasSuffix(file, "/") || strings.HasSuffix(file, "/."):
		return "is a directory's name, not a file's", "write sqlite:///path/to/catalog.db"
	}
	return "", ""
}

// checkGlue says what is wrong with a catalogue in AWS Glue, and of which key.
func checkGlue(c settings.Catalog) (key, say, fix string) {
	if !strings.HasPrefix(strings.ToLower(c.URI), "glue:") {
		return "", "", ""
	}
	if _, say, fix = settings.ParseGlue(c.URI); say != "" {
		return "output.catalog_uri", say, fix
	}
	return settings.GlueNames(c)
}

func isStore(scheme string) bool { return scheme == "s3" || scheme == "file" || scheme == "mem" }
