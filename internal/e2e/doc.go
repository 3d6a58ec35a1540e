// Package e2e tests the whole suite as people use it: it runs the built
// binaries on a simulated survey that a real S3 server serves over HTTP, and
// judges what they print, how they exit and what they leave.
//
// It has tests only. They build the binaries, or take those of the directory
// that CONSTELLATION_BIN names; readers that are not ours are the Python that
// CONSTELLATION_PYTHON names (see deploy/test-requirements.txt).
package e2e
