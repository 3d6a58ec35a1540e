// Package clean finds what runs leave that nobody needs any more, and removes
// it: uploads that nobody finished, sub-tile directories and an engine's
// scratch of runs that died, and the pixels of tiles whose results are in the
// catalogue.
//
// Finding and removing are two steps. What is found is a [Plan] that can be
// counted and shown first; removing touches what the plan holds and nothing
// else, and can be repeated.
//
// It can't see whether a run is alive: what is younger than an age is left alone.
package clean
