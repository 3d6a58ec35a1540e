package settings

import (
	"strings"
	"testing"
)

func TestParseGlue(t *testing.T) {
	for uri, want := range map[string]struct {
		g   Glue
		say string
	}{
		"glue://":                             {},
		"glue:///":                            {},
		"glue://eu-west-1":                    {g: Glue{"", "eu-west-1"}},
		"glue://eu-west-1/":                   {g: Glue{"", "eu-west-1"}},
		"glue://us-gov-west-1":                {g: Glue{"", "us-gov-west-1"}},
		"glue://eusc-de-east-1":               {g: Glue{"", "eusc-de-east-1"}},
		"glue://123456789012@eu-west-1":       {g: Glue{"123456789012", "eu-west-1"}},
		"glue://123456789012":                 {say: "an account and no region"},
		"glue://123456789012@":                {say: "no region"},
		"glue://@eu-west-1":                   {say: "no account"},
		"glue://12345@eu-west-1":              {say: "an account's number"},
		"glue://AKIAX:hunter2@eu-west-1":      {say: "an account's number"},
		"glue://123456789012:s3tables@eu-w-1": {say: "an account's number"},
		"glue://EU-WEST-1":                    {say: "no region"},
		"glue://eu-west-1/shear":              {say: "no region"},
		"glue://eu-west-1?x=y":                {say: "no region"},
		"glue://euwest1":                      {say: "no region"},
		"glue://eu-west-1:443":                {say: "no region"},
		"glue://glue.eu-west-1.amazonaws.com": {say: "no region"},
		"glue:eu-west-1":                      {say: "does not begin with glue://"},
		"GLUE://eu-west-1":                    {say: "does not begin with glue://"},
	} {
		g, say, fix := ParseGlue(uri)
		if g != want.g || (say == "") != (want.say == "") || !strings.Contains(say, want.say) || (say == "") != (fix == "") {
			t.Errorf("%s: %+v, %q, %q", uri, g, say, fix)
		}
		if strings.Contains(say+fix, "hunter2") {
			t.Errorf("%s: the refusal tells it", uri)
		}
		if say != "" {
			continue
		}
		if again, _, _ := ParseGlue(g.String()); again != g {
			t.Errorf("%s: %s is another", uri, g)
		}
	}
}

func TestGlueNames(t *testing.T) {
	for _, c := range []struct{ namespace, table, key string }{
		{"shear", "edff_shear", ""},
		{"shear_2", "7", ""},
		{strings.Repeat("n", 255), strings.Repeat("t", 247), ""},
		{strings.Repeat("n", 256), "t", "output.catalog_namespace"},
		{"n", strings.Repeat("t", 248), "output.catalog_table"}, // with _sources
		{"Shear", "t", "output.catalog_namespace"},
		{"a.b", "t", "output.catalog_namespace"},
		{"n", "t.u", "output.catalog_table"},
		{"n", "edff-shear", "output.catalog_table"},
		{"n", "édff", "output.catalog_table"},
		{"n", "", ""},
	} {
		if key, say, fix := GlueNames(Catalog{Namespace: c.namespace, Table: c.table}); key != c.key || (say == "") != (key == "") || (fix == "") != (key == "") {
			t.Errorf("%.9s.%.9s: %q, %q, %q", c.namespace, c.table, key, say, fix)
		}
	}
}
