package manifest

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Outline is what assembly needs of a manifest: whose results it may have, and
// which sources may be among them.
type Outline struct {
	sky.SubTileID
	ConfigID    string
	Plan        string
	Centre      [2]float64 // zero in manifests of old
	Core        []int64
	CorePolygon [][2]float64 // [ra, dec] degrees of the exact corners; none in manifests of old
	Quadrants   int
	Sources     int
}

// Nothing is the status of a sub-tile that there is nothing to measure on; empty
// where there is something.
func (o *Outline) Nothing() string { return nothing(o.Quadrants, len(o.Core)) }

func nothing(quadrants, core int) string {
	switch {
	case quadrants == 0:
		return survey.StatusNoExposures
	case core == 0:
		return survey.StatusNoSources
	}
	return ""
}

// Outline is that of a manifest.
func (m *Manifest) Outline() *Outline {
	return &Outline{m.ID(), m.ConfigID, m.Plan, m.Centre, m.Core, m.CorePolygon, len(m.Quadrants), len(m.Sources)}
}

// ReadOutline reads that of a manifest. Those that [Write] wrote are not parsed as
// YAML, which takes a thousand times as long: assembly reads one of each sub-tile.
func ReadOutline(data []byte) (*Outline, error) {
	if o := outline(data); o != nil {
		return o, nil
	}
	m, err := Read(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return m.Outline(), nil
}

// outline reads a manifest in the one form that Write has; nil where it isn't that.
func outline(data []byte) *Outline {
	top := topLevel(data)
	for _, key := range []string{"sky_bounds", "source_catalog", "format_version"} {
		if len(top[key]) == 0 {
			return nil
		}
	}
	o := new(Outline)
	var ok [9]bool
	ok[0], ok[1], ok[2] = plain(top["tile_id"], &o.TileID), plain(top["sub_tile_row"], &o.Row), plain(top["sub_tile_col"], &o.Col)
	ok[3], ok[4] = plain(top["centre"], &o.Centre), plain(top["core_polygon"], &o.CorePolygon)
	ok[5], ok[6] = optional(top, "config_id", &o.ConfigID), optional(top, "plan", &o.Plan)
	o.Core, ok[7] = integers(top["core_source_ids"])
	o.Sources, ok[8] = eachInteger(top["source_ids"], func(int64) {})
	for _, is := range ok {
		if !is {
			return nil
		}
	}
	if list := top["quadrants"]; string(list) != " []\n" {
		o.Quadrants = bytes.Count(list, []byte("\n  - {"))
		if o.Quadrants == 0 || o.Quadrants != bytes.Count(list, []byte("\n"))-1 {
			return nil
		}
	}
	return o
}

// topLevel gives the values of the keys that stand at the beginning of a line, with
// the lines below them; nil where a line is none of the kind.
func topLevel(data []byte) map[string][]byte {
	top := map[string][]byte{}
	for len(data) > 0 {
		colon := bytes.IndexByte(data[:min(len(data), 64)], ':')
		if colon <= 0 {
			return nil
		}
		key := string(data[:colon])
		for _, c := range data[:colon] {
			if c != '_' && (c < 'a' || c > 'z') {
				return nil
			}
		}
		if _, twice := top[key]; twice {
			return nil
		}
		end := colon + 1
		for {
			n := bytes.IndexByte(data[end:], '\n')
			if n < 0 {
				return nil // cut short
			}
			end += n + 1
			if !bytes.HasPrefix(data[end:], []byte("  ")) {
				break
			}
		}
		top[key], data = data[colon+1:end], data[end:]
	}
	return top
}

// plain reads a value that is JSON, and says whether it is.
func plain(value []byte, into any) bool {
	return len(value) > 1 && value[0] == ' ' && value[1] != 'n' && json.Unmarshal(value, into) == nil
}

// optional reads a text that need not be there.
func optional(top map[string][]byte, key string, into *string) bool {
	value, is := top[key]
	return !is || plain(value, into)
}

// integers reads a list of them: of thousands, which JSON's reader is slow with.
func integers(value []byte) (list []int64, ok bool) {
	list = make([]int64, 0, bytes.Count(value, []byte(","))+1)
	_, ok = eachInteger(value, func(v int64) { list = append(list, v) })
	return list, ok
}

// eachInteger visits those of a list, and counts them.
func eachInteger(value []byte, visit func(int64)) (count int, ok bool) {
	rest, is := bytes.CutPrefix(value, []byte(" ["))
	rest, ends := bytes.CutSuffix(rest, []byte("]\n"))
	if !is || !ends {
		return 0, false
	}
	if len(rest) == 0 {
		return 0, true
	}
	for {
		v, n := integer(rest)
		if n == 0 {
			return 0, false
		}
		visit(v)
		count++
		rest = rest[n:]
		switch {
		case len(rest) == 0:
			return count, true
		case len(rest) > 1 && rest[0] == ',' && rest[1] == ' ':
			rest = rest[2:]
		case bytes.HasPrefix(rest, []byte(",\n  ")):
			rest = rest[4:]
		default:
			return 0, false
		}
	}
}

// integer reads one, and says how many bytes it has; none where there is none that fits.
func integer(text []byte) (v int64, n int) {
	minus := len(text) > 0 && text[0] == '-'
	if minus {
		n = 1
	}
	digits := n
	for ; n < len(text) && text[n] >= '0' && text[n] <= '9'; n++ {
		v = 10*v + int64(text[n]-'0')
	}
	const sure = 18 // digits, of which every number fits
	switch {
	case n == digits, n > digits+1 && text[digits] == '0':
		return 0, 0
	case n-digits > sure:
		var err error
		if v, err = strconv.ParseInt(string(text[:n]), 10, 64); err != nil {
			return 0, 0
		}
	case minus:
		v = -v
	}
	return v, n
}
