// Package faults tests whole runs under faults: a store that fails at random,
// processes that are killed, a disk that is full, sources that change. It has
// tests only. What they hold is always the same: a run ends with the bytes of
// one that nothing disturbed, or with an error that names the object.
//
// They build the binaries, or take those of the directory that
// CONSTELLATION_BIN names. CONSTELLATION_KILLS is how many processes
// [TestKill] kills, 20 where it is not set.
package faults
