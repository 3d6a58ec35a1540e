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
// It is the door to rooms that do the work, each of which imports those before it:
//
//   - rows: what the tables hold. It links no Iceberg.
//   - foreign: files that others may have written, looked at before they are believed.
//   - tables: connections to catalogues (SQLite, PostgreSQL, REST), the two tables
//     and their layout, and how a change of them is sent.
//   - reading: rows that a filter selects, and the verdict on a run's.
//   - commits: batches of rows, and the leases that they are committed under.
//   - upkeep: what many commits leave, merged or taken away; tables verified, and repaired.
//
// No other packages link Iceberg. They know no stage and no FITS.
package catalog
