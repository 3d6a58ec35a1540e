// Package glue keeps tables in an AWS Glue Data Catalog: a database is a
// namespace, and a table's parameter metadata_location says which of its
// metadata files is the present one. It is laid out as PyIceberg, Athena and
// Spark lay it out, so each of them opens what the others wrote.
//
// A commit is one UpdateTable with the VersionId that it was built on. Glue
// refuses it where the table has another version by then, which is
// [table.ErrCommitFailed]: load it again and try again. Where an answer was
// lost, the table is asked whether the commit is in it, so that none is made
// twice and none is taken for lost that was made.
//
// It does what tables need that are written and read, and no more: nothing is
// dropped, renamed or listed.
package glue
