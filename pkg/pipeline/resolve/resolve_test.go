package resolve_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/resolve"
)

const yaml = `field_name: EDFS
tile_ids: [1, 2]
output: {storage_base_uri: /data/}
engine: mock
inference:
  n: 200
`

func launch(t *testing.T, in pipeline.ResolveConfigIn) (pipeline.ResolveConfigOut, error) {
	t.Helper()
	out, _, err := resolve.Launch(context.Background(), objstore.NewMemory(), in, "exec1")
	return out, err
}

func TestLaunchTakesTheFile(t *testing.T) {
	out, err := launch(t, pipeline.ResolveConfigIn{ConfigYAML: yaml})
	if err != nil {
		t.Fatal(err)
	}
	if out.Destination.Run() != "exec1" || out.Destination.RunURI != "/data/exec1" || out.Catalog.Warehouse != "/data/warehouse" || out.Catalog.Table != "edfs_shear" {
		t.Errorf("%+v", out)
	}
	if out.Compute != pipeline.BranchCPU || len(out.TileIDs) != 2 || out.Inference.Inference != "inference:\n  n: 200\n" || out.Limits.TimeoutSeconds != 7200 {
		t.Errorf("%+v", out)
	}
	if len(out.Destination.ConfigID) != 64 || out.Destination.ConfigID != out.Inference.ConfigID {
		t.Errorf("config id %q", out.Destination.ConfigID)
	}
}

func TestLaunchInputsWin(t *testing.T) {
	out, err := launch(t, pipeline.ResolveConfigIn{
		ConfigYAML: strings.Replace(yaml, "mock", "shine", 1), TileIDs: []int64{7}, StorageBase: "s3://b/out/", Grid: []int64{2, 3}, RunID: "again",
	})
	if err != nil {
		t.Fatal(err)
	}
	if out.TileIDs[0] != 7 || out.Destination.RunURI != "s3://b/out/again" || out.Tiling.Rows != 2 || out.Tiling.Cols != 3 || out.Compute != pipeline.BranchGPU {
		t.Errorf("%+v", out)
	}
	base, err := launch(t, pipeline.ResolveConfigIn{ConfigYAML: strings.Replace(yaml, "mock", "shine", 1)})
	if err != nil {
		t.Fatal(err)
	}
	if base.Destination.ConfigID == out.Destination.ConfigID {
		t.Error("another grid has the same config id")
	}
}

func TestRegion(t *testing.T) {
	const text = "region: {cone: [58, -51.5, 1]}\noutput: {storage_base_uri: /d}\n"
	out, err := launch(t, pipeline.ResolveConfigIn{ConfigYAML: text})
	if err != nil || out.Region.String() != "cone [58 -51.5 1]" || len(out.TileIDs) != 0 {
		t.Errorf("%+v, %v", out, err)
	}
	out, err = launch(t, pipeline.ResolveConfigIn{ConfigYAML: text, TileIDs: []int64{7}})
	if err != nil || out.Region.Given() || len(out.TileIDs) != 1 {
		t.Errorf("tile ids given at launch go before a configured region: %+v, %v", out, err)
	}
}

func TestConfigurationByURI(t *testing.T) {
	ctx, store := context.Background(), objstore.NewMemory()
	if _, err := objstore.WriteFile(ctx, store, "mem://b/c.yaml", []byte(yaml)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := resolve.Launch(ctx, store, pipeline.ResolveConfigIn{ConfigYAML: "mem://b/c.yaml"}, ""); err != nil {
		t.Fatal(err)
	}
	_, _, err := resolve.Launch(ctx, store, pipeline.ResolveConfigIn{ConfigYAML: "mem://b/none.yaml"}, "")
	if fault.KindOf(err) != fault.BadInput || !strings.Contains(err.Error(), "mem://b/none.yaml") {
		t.Errorf("%v", err)
	}
}

// TestSeeds: what the stages get of the two configurations that this project
// began with; see the tests of package config.
func TestSeeds(t *testing.T) {
	seed := func(name string, assembles bool) (pipeline.ResolveConfigOut, error) {
		text, err := os.ReadFile("../../config/testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return launch(t, pipeline.ResolveConfigIn{ConfigYAML: string(text), Assembles: assembles})
	}
	out, err := seed("readme.yaml", true)
	if err != nil {
		t.Fatal(err)
	}
	if out.Destination.RunURI != "s3://constellation-pipeline-dev-696356228955/exec1" || out.Catalog.Warehouse != "/tmp/constellation-warehouse" || out.Catalog.URI != "" ||
		out.Inference.Engine != "mock" || !out.Source.Anonymous || out.Tiling.MarginArcmin != 1 || out.Compute != pipeline.BranchCPU || out.TileIDs[0] != 102019592 {
		t.Errorf("%+v", out)
	}
	if out, err = seed("survey.yaml", false); err != nil {
		t.Fatal(err)
	}
	if out.Destination.RunURI != "s3://shine-scratch/q1/exec1" || out.Catalog.Warehouse != "s3://shine-catalog/q1/" || out.Source.MERBase != "s3://nasa-irsa-euclid-q1/q1/MER/" ||
		out.Tiling.Source != "mer_catalog" || out.Tiling.MarginArcmin != 1 || out.Compute != pipeline.BranchGPU || len(out.TileIDs) != 0 || out.Region.Given() {
		t.Errorf("%+v", out)
	}
	if _, err = seed("survey.yaml", true); err == nil || !strings.Contains(err.Error(), "output.catalog_uri: a warehouse in an object store, s3://shine-catalog/q1/, needs a catalogue") {
		t.Errorf("a run that ends in a catalogue which nothing names: %v", err)
	}
}

func TestLaunchRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		in   pipeline.ResolveConfigIn
		want string
	}{
		"nothing":       {pipeline.ResolveConfigIn{ConfigYAML: " "}, "config_yaml is empty"},
		"negative tile": {pipeline.ResolveConfigIn{ConfigYAML: yaml, TileIDs: []int64{-1}}, "launch input tile_ids: tile_ids: -1 is not a tile id"},
		"tile twice":    {pipeline.ResolveConfigIn{ConfigYAML: yaml, TileIDs: []int64{7, 7}}, "launch input tile_ids: tile_ids: tile id 7 is given twice"},
		"grid too fine": {pipeline.ResolveConfigIn{ConfigYAML: yaml, Grid: []int64{4, 65}}, "launch input sub_tile_grid: tiling.sub_tile_grid must be rows and columns from 1 to 64, such as [4, 4], not [4, 65]"},
		"grid of one":   {pipeline.ResolveConfigIn{ConfigYAML: yaml, Grid: []int64{4}}, "launch input sub_tile_grid: tiling.sub_tile_grid: must be two integers, rows and columns"},
		"run as a path": {pipeline.ResolveConfigIn{ConfigYAML: yaml, RunID: "../x"}, `run_id: "../x" can't name a run`},
		"hidden run":    {pipeline.ResolveConfigIn{ConfigYAML: yaml, RunID: ".x"}, "the first not a dot"},
		"no storage":    {pipeline.ResolveConfigIn{ConfigYAML: "tile_ids: [1]\n"}, "output.storage_base_uri: nothing says where products go"},
		"no tiles":      {pipeline.ResolveConfigIn{ConfigYAML: "output: {storage_base_uri: /d}\n"}, "tile_ids: no tiles are asked for"},
		"bad region":    {pipeline.ResolveConfigIn{ConfigYAML: "region: {cone: [1, 95, 2]}\noutput: {storage_base_uri: /d}\n"}, "region: not a region: RA 1, Dec 95 is no position"},
		"a warehouse that is spelt in two ways": {pipeline.ResolveConfigIn{ConfigYAML: yaml, StorageBase: "/data/my survey", Assembles: true},
			`output.catalog_warehouse: "/data/my survey/warehouse" is spelt in more than one way as a URI`},
		"bucket without catalogue": {pipeline.ResolveConfigIn{ConfigYAML: yaml, StorageBase: "s3://b/o", Assembles: true}, "output.catalog_uri: a warehouse in an object store, s3://b/o/warehouse, needs a catalogue"},
		"scheme":                   {pipeline.ResolveConfigIn{ConfigYAML: yaml, StorageBase: "gs://b/o"}, `launch input storage_base_uri: output.storage_base_uri: "gs://b/o" is neither s3://`},
		"half a scheme":            {pipeline.ResolveConfigIn{ConfigYAML: yaml, StorageBase: "s3:/b/o"}, `launch input storage_base_uri: output.storage_base_uri: "s3:/b/o" is neither s3://`},
		"endpoint":                 {pipeline.ResolveConfigIn{ConfigYAML: yaml + "---\ndata: {s3_endpoint_url: '127.0.0.1:9000'}\n"}, "config_yaml: line 8, column 25: data.s3_endpoint_url: \"127.0.0.1:9000\" is not the URL"},
		"unknown catalogue":        {pipeline.ResolveConfigIn{ConfigYAML: yaml + "---\noutput: {catalog_uri: 'mysql://h/x'}\n", Assembles: true}, "a catalogue with mysql:// can't be opened"},
		"catalogue without scheme": {pipeline.ResolveConfigIn{ConfigYAML: yaml + "---\noutput: {catalog_uri: 'me:secret@h/x'}\n", Assembles: true}, "a catalogue with no scheme can't be opened"},
		"broken section":           {pipeline.ResolveConfigIn{ConfigYAML: "tiling: 3\n"}, "config_yaml: line 1, column 9: tiling is not a mapping"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := launch(t, c.in)
			if err == nil || !strings.Contains(err.Error(), c.want) || fault.KindOf(err) != fault.BadInput {
				t.Errorf("got %v (%v), want bad input with %q", err, fault.KindOf(err), c.want)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("a password is in %v", err)
			}
		})
	}
}
