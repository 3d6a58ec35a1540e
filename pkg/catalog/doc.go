// Package catalog keeps the shear catalogue: two Apache Iceberg tables, one of
// sub-tile shears and one of core sources (the first one's name with _sources).
//
// Both are format version 2, partitioned by identity of TILE_ID and written in
// the order of their keys; (CONFIG_ID, TILE_ID, SUBTILE_ROW, SUBTILE_COL), with
// OBJECT_ID for sources. Columns, units and meaning are those of package
// results, with RUN_ID and CONFIG_ID added; the tables carry them as
// documentation of their columns. Any Iceberg reader opens them.
//
// [Catalog.Commit] replaces the rows of whole tiles of one configuration, so
// assembling a tile again leaves one copy of it, and none of the others is
// touched. Each table's change is atomic; the sources go first, so a sub-tile
// that has a shear row has its sources too. Committers don't lock: where two
// meet, one replays its change on the other's.
//
// Holders that share a survey lease tiles ([Catalog.Amend]; package campaign
// decides who gets which). A tile's rows are committed by whoever holds its
// lease, and end it in the same commit, so each lease is good for one commit,
// and a holder that was overtaken is refused whenever it wakes up. Where no
// lease is held, a tile's shear and sources are of one commit's making; while
// one is, the sources may be of a try that was cut off before its shear, which
// the next try replaces.
//
// Upkeep ([Catalog.PlanExpiry], [Catalog.Expire]) removes old snapshots and the
// files that nothing names any more. It changes no row and no lease, and holds
// back behind readers, commits and holders that are at work.
//
// This is the only package that links Iceberg. It knows no stage and no FITS.
package catalog
