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
// These types have a literal:
//
//	string, bool, float64      STRING, BOOLEAN, FLOAT
//	int ... int64              INTEGER (decoding refuses what does not fit)
//	Blob                       BLOB, single file; the format of the tag is part of the type
//	[]T, map[string]T          collection, map; they nest
//	*T                         union of T and none: optional
//	struct                     STRUCT, by way of encoding/json
//
// Anything else is refused when a contract is declared, by struct and field.
// So are 64-bit integers inside a STRUCT: its numbers are doubles, which
// mistake one 17-digit object id for its neighbour.
//
// The package does no I/O and knows neither tasks nor workflows.
package literal
