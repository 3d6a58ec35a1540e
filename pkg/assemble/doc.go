// Package assemble makes a catalogue of what a run left: it joins each tile's
// preparation with what inference said, records it in run.json, commits the
// rows to the Iceberg tables and holds the tables to the plan.
package assemble
