// Package literal turns Go values into Flyte literals and back.
//
// A struct's exported fields are the variables of an interface. Every field
// carries its name, and, where it helps, a sentence for the people who launch:
//
//	type In struct {
//		Config string       `flyte:"config_yaml" doc:"Path, URI or text of the configuration."`
//		Tiles  []int64      `flyte:"tile_ids" doc:"Empty: as configured."`
//		Index  literal.Blob `flyte:"index,format=parquet"`
//		Limit  *float64     `flyte:"limit"`
//	}
//
// What several interfaces have in common is a struct that they embed: its
// variables count as their own.
//
// These types have a literal:
//
//	string, bool, float64      STRING, BOOLEAN, FLOAT
//	int ... int64              INTEGER (decoding refuses what does not fit)
//	time.Time                  DATETIME, in UTC; years 1 to 9999, nanoseconds (Python keeps microseconds)
//	time.Duration              DURATION
//	an [Enum]                  ENUM: a string type with a closed list of values
//	[Blob]                     BLOB, a single file; the format of the tag is part of the type
//	[Directory]                BLOB, multi-part: a prefix
//	[StructuredDataset]        STRUCTURED_DATASET, a table; the tag may name its columns
//	[]T, map[string]T          collection, map; they nest
//	*T                         union of T and none: optional
//	a struct with [OneOf]      union of its fields
//	any other struct           STRUCT, by way of encoding/json; its JSON schema is part of
//	                           the type, so that the console draws a form (not in lists)
//
// Anything else is refused when a contract is declared, by struct and field.
// So are 64-bit integers inside a STRUCT: its numbers are doubles, which
// mistake one 17-digit object id for its neighbour.
//
// # Beside flytekit
//
// Python tasks, written with flytekit, read what this package writes and the
// other way round: a dataclass is a STRUCT with the same keys, a FlyteFile a
// Blob, a FlyteDirectory a Directory. Literals of every type, made and read by
// flytekit, stand in testdata; the engine's compiler lets each side's outputs
// into the other's inputs. A struct sends its numbers as doubles, whatever they are.
//
// # Where the engine compares
//
// The engine's cache key holds the whole interface of a task, with types,
// schemas and descriptions: a change of a doc tag misses the cache.
//
// The package does no I/O and knows neither tasks nor workflows.
package literal
