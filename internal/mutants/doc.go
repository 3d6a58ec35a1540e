// Package mutants changes one thing about the tiny survey, its listing, the
// server that it lies on or what an earlier stage left, runs the pipeline from
// the first stage that can notice, and holds the outcome to one of three: equal to
// what an independent reader (testdata/oracle.py, on astropy) finds in the very
// same files; refused, with the object, the place and a remedy that is true; left
// out, counted and said, and equal to the independent reader's answer without it.
// What is never right is another answer with a verdict of ok.
//
// A mutant is an entry of a table: its name, its change and what has to come of it.
//
//	{"a DET under another's name", rename("DET-002681", "DET-002683"), leftOut(`DET-002683`, `OBS_ID`)},
//
// The stages run in this process, on a store of memory (internal/testing/testrun);
// what is about a server runs against one that speaks HTTP. CONSTELLATION_PYTHON
// names the Python of the independent reader; without it the answers of mutants are held to
// those of the survey without the change, and the test says so.
package mutants
