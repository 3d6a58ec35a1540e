package manifest

import "encoding/json"

// Dropped is what the mark of a directory says whose pixels were removed.
type Dropped struct {
	Run    string   `json:"run"`    // whose results were validated
	Reason string   `json:"reason"` // for people
	Files  []string `json:"files"`  // paths in the directory
	Bytes  int64    `json:"bytes"`
}

// Encode is the text of the file.
func (d Dropped) Encode() ([]byte, error) {
	text, err := json.MarshalIndent(d, "", "  ")
	return append(text, '\n'), err
}
