// Package version holds the version that the build stamps into every executable.
package version

// Version is set by the linker; see the Makefile.
var Version = "dev"
