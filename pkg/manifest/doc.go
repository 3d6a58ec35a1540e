// Package manifest is the description of a sub-tile that data preparation
// writes and inference reads: which quadrants, which sources, which part of
// the sky.
//
// Two of them lie in a sub-tile's directory. manifest.yaml names the original
// files; manifest_local.yaml names the copies beside it, relative to itself,
// lists every file with size and checksum, and is written last: where it is,
// the directory is complete. What differs from attempt to attempt is kept out
// of both, in provenance.json.
//
// The same manifest always gives the same bytes. Strings are always quoted, so
// that readers of YAML 1.1 and 1.2 agree on "002704" and "00"; numbers that
// are no integers always have a point; object ids stay integers.
package manifest

// FormatVersion is what manifests of this package say about themselves.
const FormatVersion = 1
