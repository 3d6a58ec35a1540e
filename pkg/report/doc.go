// Package report turns what the stages found into HTML fragments for their
// decks and into lines for a terminal. It draws no conclusions: the figures
// come from the domain packages.
package report
