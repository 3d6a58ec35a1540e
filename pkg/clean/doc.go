// Package clean finds what runs leave that nobody needs any more, and removes
// it: uploads that nobody finished, sub-tile directories and an engine's
// scratch of runs that died, and the pixels of tiles whose results are in the
// catalogue.
//
// Finding and removing are two steps. What is found is a [Plan] that can be
// counted and shown first; removing touches what the plan holds and nothing
// else, and can be repeated.
//
// Below a storage prefix may lie what is somebody else's: a directory can go
// only if runs write every object that it holds, by their names; else all of it
// is kept, and the plan says so.
//
// It can't see whether a run is alive: what is younger than an age is left alone.
package clean
