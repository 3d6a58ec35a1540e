package survey

import (
	"fmt"
	"strconv"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/sky"
)

// Names of what lies in a sub-tile's directory. What a run keeps of its own for a
// sub-tile that another run prepared lies in a directory of the same form.
const (
	ManifestFile      = "manifest.yaml"
	LocalManifestFile = "manifest_local.yaml" // written last: where it is, the directory is complete
	CatalogFile       = "catalog.fits"
	ProvenanceFile    = "provenance.json"
	ExposuresDir      = "exposures"
	PSFDir            = "psf"

	// DroppedFile marks a directory whose pixels were removed once its results were
	// in the catalogue. The manifests stay as they are, and the files of
	// [ExposuresDir] and [PSFDir] that they name are gone; to prepare the sub-tile
	// again takes the mark off.
	DroppedFile = "pixels_dropped.json"
	// FailureFile says why the last inference gave no result. A task that fails
	// has no outputs: this is how its reason comes to assembly.
	FailureFile = "failure.json"

	ResultsDir  = "results"
	ShearFile   = "shear.parquet"
	SourcesFile = "sources.parquet"
	SummaryFile = "summary.json"
	// AttemptDir begins the names of directories that an inference writes to
	// before its results are complete.
	AttemptDir = ".results-"
)

// Names of what lies in a run's directory, and of what runs share beside it.
const (
	RunFile      = "run.json"
	PartDir      = "parts"         // parts of a run's record, one per batch of tiles
	IdentityFile = "identity.json" // which configuration the directory is of; written first

	RedoDir    = "redo"
	IndexDir   = "index"     // quadrant indexes
	ReleaseDir = "releases"  // which release of the MER products each configuration holds to
	Warehouse  = "warehouse" // of the catalogue, where nothing says another place
	RedoTiles  = "tiles"
	RedoBatch  = "batches"
	markSuffix = ".json"
)

// The planes of an exposure, each a file of the sub-tile's directory.
const (
	PlaneSCI = "sci" // with RMS and FLG
	PlaneBKG = "bkg"
	PlaneWGT = "wgt"
	PlanePSF = "psf"
)

// PlaneDir is the directory that a plane's files lie in.
func PlaneDir(plane string) string {
	if plane == PlanePSF {
		return PSFDir
	}
	return ExposuresDir
}

// PlaneSuffix ends the names of a plane's files, after the exposure.
func PlaneSuffix(plane string) string { return "_" + plane + ".fits" }

// PlaneFile is the path of an exposure's plane in a sub-tile's directory.
func PlaneFile(id euclid.ExposureID, plane string) string {
	return PlaneDir(plane) + "/" + id.String() + PlaneSuffix(plane)
}

// TileURI is the directory of a tile in a run.
func TileURI(runURI string, tile int64) string {
	return objstore.Join(runURI, strconv.FormatInt(tile, 10))
}

// SubTileURI is where a run keeps what it makes of a sub-tile.
func SubTileURI(runURI string, id sky.SubTileID) string {
	return objstore.Join(TileURI(runURI, id.TileID), id.Name())
}

// ResultsURI is where the tables of a sub-tile's inference lie, by its directory.
func ResultsURI(directory, file string) string { return objstore.Join(directory, ResultsDir, file) }

// RunURI is where the record of a run lies.
func RunURI(runURI string) string { return objstore.Join(runURI, RunFile) }

// IdentityURI is where it stands which configuration a run's directory is of.
func IdentityURI(runURI string) string { return objstore.Join(runURI, IdentityFile) }

// PartURI is where the record of a run's n-th batch lies.
func PartURI(runURI string, n int64) string {
	return objstore.Join(runURI, PartDir, fmt.Sprintf("%05d.json", n))
}
