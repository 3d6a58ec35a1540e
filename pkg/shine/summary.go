package shine

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/reference"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/survey"
)

// summary is summary.json as the engines of this package write it. Engines
// that are commands add what they like.
type summary struct {
	TileID   int64           `json:"tile_id"`
	Row      int32           `json:"subtile_row"`
	Col      int32           `json:"subtile_col"`
	Engine   settings.Engine `json:"engine"`
	ConfigID string          `json:"config_id"`
	Plan     string          `json:"plan,omitempty"` // key of what the sub-tile was made from
	Status   string          `json:"status"`
	Reason   string          `json:"reason,omitempty"`
	NSources int             `json:"n_sources"`

	Fit *reference.Summary `json:"fit,omitempty"` // of engine reference
}

// maxSummary is the size of a summary.json that is believed.
const maxSummary = 1 << 20

// atMost reads the beginning of a file, which may be all of it.
func atMost(path string, size int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, size))
}

// sign makes sure that summary.json names the configuration and what the sub-tile
// was made from: results are filed under the one that it names, and the
// manifest's, which counts otherwise, is the one that prepared the sub-tile. It
// returns the engine's reason, if it gave one.
func (j *Job) sign(dir string, m results.Shear, plan string) (reason string, err error) {
	path := filepath.Join(dir, survey.SummaryFile)
	broken := func(format string, a ...any) *fault.Error {
		return fault.Data(results.CodeInvalid, format, a...).On(survey.SummaryFile)
	}
	doc := map[string]json.RawMessage{}
	text, err := atMost(path, maxSummary+1)
	switch {
	case errors.Is(err, fs.ErrNotExist): // nothing asks a command for one
		own, err := json.Marshal(summary{TileID: m.TileID, Row: m.Row, Col: m.Col, Engine: j.Engine, Status: m.Status, NSources: int(m.NSources)})
		if err != nil {
			return "", err
		}
		text = own
	case err != nil:
		return "", err
	case len(text) > maxSummary:
		return "", broken("has more than %d bytes", maxSummary)
	}
	strict := finite(text)
	if err := json.Unmarshal(strict, &doc); err != nil || doc == nil {
		return "", broken("is no JSON object: %v", cmp.Or(err, errNull)).At("%s", position(strict, err)).Fix("the command must write one, or none at all")
	}
	_ = json.Unmarshal(doc["reason"], &reason) // absent or of another type: none
	named := bytes.Equal(strict, text)
	for _, k := range []struct{ key, what, want string }{{"config_id", "configuration", j.ConfigID}, {"plan", "plan", plan}} {
		var is string
		raw, has := doc[k.key]
		switch {
		case has && json.Unmarshal(raw, &is) != nil:
			return "", broken("%s is no string: %.80s", k.key, raw)
		case is == k.want:
			continue
		case is != "":
			return "", broken("names %s %q, this is %q", k.what, is, k.want).Fix("the command must write what it was asked for, or name no %s", k.what)
		}
		named = false
		if doc[k.key], err = json.Marshal(k.want); err != nil {
			return "", err
		}
	}
	if named {
		return reason, nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(doc); err != nil { // keys in order, so the same bytes for the same content
		return "", err
	}
	return reason, os.WriteFile(path, b.Bytes(), 0o666)
}
