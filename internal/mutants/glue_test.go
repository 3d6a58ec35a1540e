package mutants

import "github.com/cosmostat/constellation/pkg/pipeline"

// glue is the text with a catalogue in AWS Glue.
func glue(uri, more string) func(string) string {
	return instead("/data/wh", "s3://b/wh\n  catalog_uri: "+uri+more)
}

func init() {
	in := func(uri, table string) func(s *pipeline.ResolveConfigOut) {
		return func(s *pipeline.ResolveConfigOut) {
			s.Catalog.Warehouse, s.Catalog.URI = "s3://b/wh", uri
			if table != "" {
				s.Catalog.Table = table
			}
		}
	}
	texts = append(texts, []ofText{
		{name: "Glue of the environment", change: glue("glue://", ""), but: in("glue://", "")},
		{name: "Glue of a region", change: glue("glue://eu-west-1", ""), but: in("glue://eu-west-1", "")},
		{name: "Glue of another account", change: glue("glue://012345678901@eu-west-1", ""), but: in("glue://012345678901@eu-west-1", "")},
		{name: "a table of Glue's", change: glue("glue://eu-west-1", "\n  catalog_table: q1_shear"), but: in("glue://eu-west-1", "q1_shear")},
		{name: "Glue without slashes", change: glue("glue:eu-west-1", ""), refuse: itsPlace + `output.catalog_uri: .*does not begin with glue://`},
		{name: "Glue in capitals", change: glue("GLUE://eu-west-1", ""), refuse: itsPlace + `output.catalog_uri: .*does not begin with glue://`},
		{name: "Glue by its ARN", change: glue("glue://arn:aws:glue:eu-west-1:012345678901:catalog", ""), refuse: itsPlace + `output.catalog_uri: .*names no region of AWS \(glue://region`},
		{name: "Glue by its address", change: glue("glue://glue.eu-west-1.amazonaws.com", ""), refuse: itsPlace + `output.catalog_uri: .*names no region`},
		{name: "Glue of a database", change: glue("glue://eu-west-1/shear", ""), refuse: itsPlace + `output.catalog_uri: .*names no region`},
		{name: "Glue of an account alone", change: glue("glue://012345678901", ""), refuse: itsPlace + `output.catalog_uri: .*an account and no region \(glue://012345678901@region`},
		{name: "Glue of a short account", change: glue("glue://12345@eu-west-1", ""), refuse: itsPlace + `output.catalog_uri: .*an account's number.*twelve digits`},
		{name: "Glue with a key", change: glue("glue://AKIAIOSFODNN7:hunter2@eu-west-1", ""), refuse: `output.catalog_uri holds a password or a token.*AWS_PROFILE`},
		{name: "Glue and a table in capitals", change: glue("glue://eu-west-1", "\n  catalog_table: EDFS"), refuse: itsPlace + `output.catalog_table: "EDFS" is no name for AWS Glue \(use lower-case`},
		{name: "Glue and a database with levels", change: glue("glue://eu-west-1", "\n  catalog_namespace: shear.q1"), refuse: `output.catalog_namespace`},
	}...)
}
