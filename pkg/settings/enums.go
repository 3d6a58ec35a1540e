// Package settings names what the configuration, the contracts of the stages
// and the domain's packages choose from. It imports the standard library only,
// so that whoever shares a name with the configuration links nothing for it.
package settings

import (
	"slices"
	"strings"
)

// Enum is a string type with a closed list of values. The method is the one
// that makes a contract's field an enumeration in Flyte, too.
type Enum interface {
	~string
	FlyteEnum() []string
}

// Known says whether a value is one of its type's.
func Known[E Enum](value E) bool { return slices.Contains(value.FlyteEnum(), string(value)) }

// Choices lists a type's values for a message: a, b or c.
func Choices[E Enum]() string {
	var none E
	values := none.FlyteEnum()
	last := len(values) - 1
	if last == 0 {
		return values[0]
	}
	return strings.Join(values[:last], ", ") + " or " + values[last]
}

// Engine is what infers shear.
type Engine string

// Engines.
const (
	EngineShine     Engine = "shine"     // the command in shine.command, on a GPU
	EngineReference Engine = "reference" // a fit on the CPU, in Go
	EngineMock      Engine = "mock"      // honours the contract and draws its numbers
)

// FlyteEnum lists the values.
func (Engine) FlyteEnum() []string { return of(EngineShine, EngineReference, EngineMock) }

// TileSource is where the centres of tiles come from.
type TileSource string

// Sources of tile centres.
const (
	FromMosaic  TileSource = "mer_mosaic"  // the WCS of the tile's VIS mosaic
	FromCatalog TileSource = "mer_catalog" // the extent of the positions in the tile's catalogue
	FromTable   TileSource = "tile_table"  // a table of tile_id, ra, dec
)

// FlyteEnum lists the values.
func (TileSource) FlyteEnum() []string { return of(FromMosaic, FromCatalog, FromTable) }

// Exposures says which exposures are used, by their number within the dither.
type Exposures string

// Choices of exposures.
const (
	Nominal      Exposures = "nominal" // number 1, ~560 s
	Short        Exposures = "short"   // number 2, ~90 s
	AllExposures Exposures = "all"     // both: only for those who know how to weigh them
)

// FlyteEnum lists the values.
func (Exposures) FlyteEnum() []string { return of(Nominal, Short, AllExposures) }

// Addressing is where a bucket's name stands in the requests to an S3 server.
type Addressing string

// Ways of addressing.
const (
	AutoStyle    Addressing = "auto"    // in the path where an endpoint is given, else in the host's name
	PathStyle    Addressing = "path"    // https://host/bucket/key
	VirtualStyle Addressing = "virtual" // https://bucket.host/key
)

// FlyteEnum lists the values.
func (Addressing) FlyteEnum() []string { return of(AutoStyle, PathStyle, VirtualStyle) }

// Copy is how pixels come to the sub-tile directories.
type Copy string

// Ways of copying.
const (
	// CopyStream has them pass through the task, which checks them.
	CopyStream Copy = "stream"
	// CopyServer has the store copy them from bucket to bucket by itself, but
	// for small files and the first 5 MiB of others; where it can't, they stream.
	// Manifests have CRC64NVME checksums then, which stores make, instead of SHA-256.
	CopyServer Copy = "server"
	// CopyAuto tries both on a file each, and goes on with the faster one. The
	// products and their manifests are those of CopyServer either way.
	CopyAuto Copy = "auto"
)

// FlyteEnum lists the values.
func (Copy) FlyteEnum() []string { return of(CopyStream, CopyServer, CopyAuto) }

// Verify is what becomes of an HDU that doesn't match its CHECKSUM or DATASUM.
type Verify string

// Ways of verifying.
const (
	VerifyStrict Verify = "strict" // its exposure can't be used
	VerifyWarn   Verify = "warn"   // it is used as it is, and said
)

// FlyteEnum lists the values.
func (Verify) FlyteEnum() []string { return of(VerifyStrict, VerifyWarn) }

// Retention is what becomes of extracted pixels once their results are committed.
type Retention string

// Retentions.
const (
	Keep       Retention = "keep"
	DropPixels Retention = "drop_pixels"
)

// FlyteEnum lists the values.
func (Retention) FlyteEnum() []string { return of(Keep, DropPixels) }

// Format is how results are written.
type Format string

// Parquet is the one format there is.
const Parquet Format = "parquet"

// FlyteEnum lists the values.
func (Format) FlyteEnum() []string { return of(Parquet) }

// Backend is the kind of place where inference runs.
type Backend string

// Backends.
const (
	BackendFlyte    Backend = "flyte"
	BackendLocal    Backend = "local"
	BackendSlurm    Backend = "slurm"
	BackendSkyPilot Backend = "skypilot"
	BackendBatch    Backend = "aws_batch"
	BackendModal    Backend = "modal"
)

// FlyteEnum lists the values.
func (Backend) FlyteEnum() []string {
	return of(BackendFlyte, BackendLocal, BackendSlurm, BackendSkyPilot, BackendBatch, BackendModal)
}

// StorageClass is an S3 storage class whose objects need no thawing before a
// read; empty stands for the bucket's default.
type StorageClass string

// FlyteEnum lists the values.
func (StorageClass) FlyteEnum() []string {
	return []string{"STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "REDUCED_REDUNDANCY", "EXPRESS_ONEZONE"}
}

func of[E ~string](values ...E) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}
