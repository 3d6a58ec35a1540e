// Package shine runs inference on one sub-tile: the configured SHINE command as
// a child process, the reference engine, or the mock engine.
//
// A sub-tile is a self-contained directory (package manifest). The engine gets
// it read-only, so to say, and writes the files of package results, which are
// checked against the manifest before anything counts as done:
//
//	<command...> --manifest manifest_local.yaml --config inference.yaml --output results/
//
// The command is an argument vector, no shell is involved; it runs in the
// sub-tile's directory. The results' directory appears whole or not at all, an
// earlier one stays until then. A sub-tile without core sources or without
// exposures is an outcome, not a failure, and no engine runs for it.
//
// The reference engine is package reference, which fits galaxies in this process.
// The mock engine does no inference: its numbers are noise, the same for the
// same sub-tile and configuration, and METHOD says mock. It keeps the contract
// in every other respect. The package knows nothing of tiles as a whole, of
// Flyte, or of what SHINE does.
package shine
