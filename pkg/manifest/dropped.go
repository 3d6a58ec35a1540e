package manifest

import "encoding/json"

// DroppedFile marks a directory whose pixels were removed once its results were
// in the catalogue. The manifests stay as they are, and the files of exposures/
// and psf/ that they name are gone; to prepare the sub-tile again takes the mark off.
const DroppedFile = "pixels_dropped.json"

// Dropped is what DroppedFile says.
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
