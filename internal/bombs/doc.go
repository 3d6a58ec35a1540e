// Package bombs gives each decoder of other people's bytes the worst that fits in
// ten megabytes: lists that promise what they don't hold, elements that are far
// larger in memory than in the file, depth, and keys that a parser compares with
// all others.
//
// What is held is memory, 256 MB above what was held before, and that each ends;
// whether it is refused or read is not, but a refusal is by code and remedy.
package bombs
