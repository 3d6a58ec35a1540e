// Package survey holds what the stages of a campaign tell each other: the plan
// of exposures and tiles, what was prepared for a tile, and the record of a
// run. All of it travels as JSON documents in the object store; the types here
// are their whole contract.
//
// Tile and object ids are JSON numbers of at most 19 digits: read them with a
// decoder that keeps 64-bit integers.
package survey
