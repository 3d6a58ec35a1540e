// Package pipeline is the table of contents of the suite: one file for each
// stage, holding its contract and nothing of its implementation.
//
// A contract is two structs and a declaration. The structs' fields are the
// stage's Flyte interface; the declaration gives resources, retries, cache
// version and what the stage may be mapped over. The executables under tasks,
// the graphs of package workflows and the engine all read this one place.
//
// Lists that grow with the survey travel as blobs: a plan is written once and
// read by everyone, and maps run over small integers into it.
package pipeline
