package settings

import (
	"regexp"
	"strings"
)

// Glue is which Data Catalog of AWS Glue the URI of a catalogue names:
// glue://, glue://region or glue://account@region. What is left out is the
// region of the AWS environment, and the account of its credentials.
type Glue struct{ Account, Region string }

// GlueScheme begins the URI of a catalogue in AWS Glue.
const GlueScheme = "glue://"

var (
	glueAccount = regexp.MustCompile(`^[0-9]{12}$`)
	glueRegion  = regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-[0-9]+$`)
	glueName    = regexp.MustCompile(`^[a-z0-9_]+$`)
)

// ParseGlue reads such a URI. Say is what is wrong with it, and fix what to write.
func ParseGlue(uri string) (g Glue, say, fix string) {
	rest := strings.TrimSuffix(strings.TrimPrefix(uri, GlueScheme), "/")
	at := strings.LastIndex(rest, "@")
	g.Region = rest[at+1:]
	const form = "glue://region, such as glue://eu-west-1; glue://account@region for another account's; or glue:// for the region of the AWS environment"
	switch {
	case !strings.HasPrefix(uri, GlueScheme):
		return Glue{}, "does not begin with " + GlueScheme, form
	case at < 0 && glueAccount.MatchString(rest):
		return Glue{}, "names an account and no region", "glue://" + rest + "@region"
	case at == 0:
		return Glue{}, "names no account before the @", form
	case at > 0:
		g.Account = rest[:at]
	}
	switch {
	case g.Account != "" && !glueAccount.MatchString(g.Account):
		return Glue{}, "has something else than an account's number before the @", "the number has twelve digits; key and secret come by the AWS environment"
	case g.Region == "" && g.Account == "", glueRegion.MatchString(g.Region):
		return g, "", ""
	}
	return Glue{}, "names no region of AWS", form
}

// String is the URI.
func (g Glue) String() string {
	if g.Account != "" {
		return GlueScheme + g.Account + "@" + g.Region
	}
	return GlueScheme + g.Region
}

// GlueNames says which of a catalogue's names Glue would keep under another, or
// Athena wouldn't read: Glue folds capitals, and has one level of namespaces.
func GlueNames(c Catalog) (key, say, fix string) {
	const longest, fits = 255, "use lower-case letters, digits and _, as Glue and Athena want it"
	for _, n := range []struct {
		key, name string
		longest   int
	}{{"output.catalog_namespace", c.Namespace, longest}, {"output.catalog_table", c.Table, longest - len("_sources")}} {
		switch {
		case n.name == "": // others say so
		case strings.Contains(n.name, "."):
			return n.key, "has a dot in it: AWS Glue's databases have no levels", "use one name"
		case !glueName.MatchString(n.name):
			return n.key, "is no name for AWS Glue", fits
		case len(n.name) > n.longest:
			return n.key, "is too long for AWS Glue", "use a shorter name"
		}
	}
	return "", "", ""
}
