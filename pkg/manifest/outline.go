package manifest

import (
	"bytes"
	"encoding/json"
)

// Outline is what assembly holds results to: whose they are, and which sources
// may be among them.
type Outline struct {
	Plan        string
	Core        []int64
	CorePolygon [][2]float64 // [ra, dec] degrees of the exact corners; none in manifests of old
}

// ReadOutline reads that of a manifest. Those that [Write] wrote are not parsed as
// YAML, which takes a hundred times as long: assembly reads one of each sub-tile.
func ReadOutline(data []byte) (*Outline, error) {
	o := new(Outline)
	if value(data, "core_source_ids", &o.Core) && value(data, "core_polygon", &o.CorePolygon) && value(data, "plan", &o.Plan) {
		return o, nil
	}
	m, err := Read(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return &Outline{m.Plan, m.Core, m.CorePolygon}, nil
}

// value reads a key of the top level whose value is JSON, and says whether it is.
func value(data []byte, key string, into any) bool {
	start := []byte("\n" + key + ": ")
	at := bytes.Index(data, start)
	if at < 0 || bytes.LastIndex(data, start) != at {
		return false
	}
	return json.NewDecoder(bytes.NewReader(data[at+len(start):])).Decode(into) == nil
}
