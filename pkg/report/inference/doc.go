// Package inference draws the report of one sub-tile's inference: what was
// found, how the engine converged, observed, model and residual of a few
// sources, and the sources by flux and size. It stands apart from package
// report, because it reads Parquet's rows and most stages don't.
//
// Everything is inline, SVG and PNG, and bounded: a deck is shown without a
// network, and a few thousand sources are drawn as one path.
package inference
