// Package prepare is the data preparation of a campaign, stage by stage: the
// headers of a batch of exposures, the quadrant index made of the batches, and
// the sub-tile directories of one tile. It works on documents in an object
// store and knows no engine.
package prepare
