// Package campaign works a survey off some tiles at a time: it picks the next
// tiles that the catalogue lacks under a configuration, and leases them to one
// holder, so that campaigns that overlap share the survey out.
//
// What is done, what is leased and how often a tile was tried stand in the
// catalogue and nowhere else; package catalog makes sure that a tile is
// committed by whoever has its lease, once, whatever dies or wakes up late. So a
// mistake here, in a clock or in a guess about who is alive, costs work that is
// thrown away, never a tile that is lost or there twice.
//
// A tile is done when each of its sub-tiles has a row and none of them failed.
// The others are offered in the survey's order, those that were tried before
// after the ones that were not, the least tried first, and at most
// [Request.MaxAttempts] times. A try is a lease that ended without a whole tile:
// its rows were committed with failures, or its holder died. A lease that is
// given back is none.
//
// The package knows no Flyte: whether a holder lives is asked of a [Liveness].
package campaign
