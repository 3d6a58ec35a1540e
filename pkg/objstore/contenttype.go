package objstore

import (
	"path"
	"strings"
)

// contentTypes are what browsers and consoles go by: without one they offer a
// report for download, or show nothing. The names are those of IANA's list.
var contentTypes = map[string]string{
	".html":    "text/html",
	".svg":     "image/svg+xml",
	".png":     "image/png",
	".json":    "application/json",
	".jsonl":   "application/jsonl",
	".yaml":    "application/yaml",
	".yml":     "application/yaml",
	".csv":     "text/csv",
	".txt":     "text/plain",
	".log":     "text/plain",
	".md":      "text/markdown",
	".sh":      "text/x-shellscript",
	".xml":     "application/xml",
	".parquet": "application/vnd.apache.parquet",
	".fits":    "application/fits",
	".gz":      "application/gzip",
	".tgz":     "application/gzip",
	".pb":      "application/x-protobuf",
}

// ContentType is what an object is stored as, by the end of its name; bytes of
// no known kind where that says nothing.
func ContentType(uri string) string {
	if t, known := contentTypes[strings.ToLower(path.Ext(uri))]; known {
		return t
	}
	return "application/octet-stream"
}
