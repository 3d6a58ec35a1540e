package manifest

import (
	"encoding/json"
	"fmt"
)

// Provenance says how a sub-tile's directory came about. What differs between
// attempts at the same work stands here and in no product.
type Provenance struct {
	ConfigID  string            `json:"config_id,omitempty"`
	Run       string            `json:"run,omitempty"`
	Execution string            `json:"execution,omitempty"`
	Node      string            `json:"node,omitempty"`
	Attempt   int               `json:"attempt"`
	Plan      string            `json:"plan,omitempty"`     // key of what the tile was made from
	Again     string            `json:"again,omitempty"`    // what that was made again for
	Versions  map[string]string `json:"versions,omitempty"` // program to version
	Inputs    []Input           `json:"inputs"`             // every object that was read
}

// Input is an object as it was when it was read.
type Input struct {
	URI  string `json:"uri"`
	ETag string `json:"etag"`
	Size int64  `json:"size"`
}

// Encode gives the file's bytes, the same for equal provenances.
func (p Provenance) Encode() ([]byte, error) {
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode provenance: %w", err)
	}
	return append(data, '\n'), nil
}
