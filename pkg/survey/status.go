package survey

// What became of a sub-tile. A measurement exists only where the status is
// [StatusOK].
const (
	StatusOK          = "ok"
	StatusNoSources   = "no_sources"   // no source in its core
	StatusNoExposures = "no_exposures" // no quadrant reaches into it
	StatusFailed      = "failed"
	StatusPrepared    = "prepared" // it was to be prepared and no more
)
