// Package interop holds a test: what pkg/objstore writes, flytestdlib's stores
// read, with which Flyte's engine reads and writes the same objects, and the
// other way round. It stands apart because flytestdlib is large.
package interop
