package manifest

import (
	"errors"
	"fmt"
	"io"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/cosmostat/constellation/pkg/bounds"
	"github.com/cosmostat/constellation/pkg/fault"
)

// CodeInvalid is the code of a file that is no manifest.
const CodeInvalid = "ManifestInvalid"

// maxSize is far more than any manifest has: ids of a million sources.
const maxSize = 64 << 20

// Read reads a manifest. Keys that it does not know are skipped: later formats
// may add some. A missing one of the fixed keys is refused by its name.
func Read(r io.Reader) (*Manifest, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	if len(data) > maxSize {
		return nil, invalid(errors.New("larger than any manifest"))
	}
	if err := bounds.CopiedYAML(data); err != nil {
		bad := invalid(err)
		if e := (*bounds.Error)(nil); errors.As(err, &e) {
			bad.At("line %d", e.Line)
		}
		return nil, bad
	}
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, invalid(err)
	}
	if len(file.Docs) != 1 {
		return nil, invalid(fmt.Errorf("%d YAML documents instead of one", len(file.Docs)))
	}
	if err := complete(file.Docs[0].Body); err != nil {
		return nil, err
	}
	m := new(Manifest)
	if err := yaml.NodeToValue(file.Docs[0].Body, m); err != nil {
		return nil, invalid(err)
	}
	return m, nil
}

func invalid(err error) *fault.Error {
	return fault.Data(CodeInvalid, "not a manifest: %w", err).
		Fix("prepare the sub-tile again")
}

// complete looks for the fixed keys.
func complete(root ast.Node) error {
	top, err := require(root, "", "tile_id", "sub_tile_row", "sub_tile_col", "sky_bounds",
		"quadrants", "source_catalog", "source_ids", "core_source_ids")
	if err != nil {
		return err
	}
	if _, err := require(top["sky_bounds"], "sky_bounds.", "core_ra", "core_dec", "extended_ra", "extended_dec"); err != nil {
		return err
	}
	quadrants, ok := top["quadrants"].(*ast.SequenceNode)
	if !ok {
		return invalid(errors.New("not a list")).At("quadrants")
	}
	for i, q := range quadrants.Values {
		if _, err := require(q, fmt.Sprintf("quadrants[%d].", i), "sci_path", "rms_path", "flg_path",
			"bkg_path", "wgt_path", "psf_path", "quadrant", "obs_id", "dither", "ccd"); err != nil {
			return err
		}
	}
	return nil
}

// require returns a mapping's values by key if it has all of the keys, with a value each.
func require(n ast.Node, path string, keys ...string) (map[string]ast.Node, error) {
	var pairs []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	default:
		return nil, invalid(errors.New("not a mapping")).At("%sthe whole", path)
	}
	values := make(map[string]ast.Node, len(pairs))
	for _, p := range pairs {
		values[p.Key.GetToken().Value] = p.Value
	}
	for _, key := range keys {
		if v, ok := values[key]; !ok || v.Type() == ast.NullType {
			return nil, invalid(errors.New("the key is missing")).At("%s%s", path, key)
		}
	}
	return values, nil
}
