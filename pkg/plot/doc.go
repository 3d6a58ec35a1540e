// Package plot draws the survey: one tile with its sub-tiles, exposures and
// sources, one field, and the whole sky. A drawing is a [Page], which writes
// itself as SVG; package raster makes a PNG of the same page.
//
// North is up and east is left, as seen from inside the sphere. A tile is drawn
// in its own tangent plane, where its sub-tiles are squares; a field in Lambert's
// zenithal projection and the sky in Mollweide's, which both keep areas. Lines
// and areas are cut where a projection ends, so that nothing is drawn across
// the page that is whole on the sky.
//
// The same scene gives the same bytes. The package reads nothing, and links
// nothing but geometry: stages put its pictures on their decks.
package plot
