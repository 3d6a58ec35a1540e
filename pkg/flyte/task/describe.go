package task

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
)

var (
	afterName = regexp.MustCompile(`(?m)^(\s*[A-Za-z0-9_]+): +`)
	openBrace = regexp.MustCompile(`(?m)^(\s*[A-Za-z0-9_]+):? +([{\[])`)
)

// Text renders a message as text that is the same each time: the library's own
// has spaces that differ between builds, so that nobody compares it.
func Text(m proto.Message) string {
	text := prototext.MarshalOptions{Multiline: true, Indent: "  "}.Format(m)
	return openBrace.ReplaceAllString(afterName.ReplaceAllString(text, "$1: "), "$1: $2")
}

func (c *contract) describe() string {
	t, err := c.Template(TemplateOptions{})
	if err != nil { // the declaration's own template is always there
		return err.Error()
	}
	return Text(t)
}

func (c *contract) help() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\nUsage:\n  %s --inputs URI [--output-prefix URI] [flags]\n", c.decl.Executable(), c.decl.Doc, c.decl.Executable())
	flags := [][2]string{
		{"--inputs URI", "inputs.pb (a LiteralMap), or a .json file such as {\"name\": value}"},
		{"--output-prefix URI", "where outputs.pb, or error.pb, goes; by hand, default: a new temporary directory"},
		{"--raw-output-prefix URI", "where files go; default: the output prefix"},
		{"--checkpoint-prefix URI", "where this attempt may save its state"},
		{"--prev-checkpoint-prefix URI", "where the previous attempt did"},
	}
	if c.Mappable() {
		flags = append(flags, [2]string{"--element[=N]", "run element N of " + strings.Join(c.decl.Over, ", ") +
			", then lists; without N it is the one that " + indexVariable + " says"})
	}
	if c.dynamic {
		flags = append(flags, [2]string{"--task-template URI", "this task's template, with what it multiplies; it writes futures.pb"})
	}
	flags = append(flags, [2]string{"--describe", "print the task's Flyte template"}, [2]string{"--help", "print this"})
	fmt.Fprintf(&b, "\nFlags:\n")
	table(&b, flags)
	fmt.Fprintf(&b, "\nTakes:\n")
	table(&b, rows(c.inputs))
	fmt.Fprintf(&b, "\nGives:\n")
	table(&b, rows(c.outputs))
	b.WriteString(`
By hand, outside of a Flyte execution, it also prints its outputs, as JSON in the form in which
--inputs takes them: one key per name, files as URIs. The log goes to stderr, and says where files went.
A stage that fans out prints nothing: it writes futures.pb, the job that would make its outputs.

URIs are s3://bucket/key, file:///path or plain paths; S3 is reached by the standard
AWS_ environment. LOG_LEVEL is debug, info, warn or error.

Exit codes: 0 for success, 1 for failure, 2 for wrong arguments, 137 when stopped by SIGTERM,
130 by Ctrl-C. Under Flyte, a failure that error.pb tells is 0: the engine reads it only then.
`)
	return b.String()
}

func rows(fields []literal.Field) [][2]string {
	if len(fields) == 0 {
		return [][2]string{{"nothing", ""}}
	}
	var list [][2]string
	for _, f := range fields {
		list = append(list, [2]string{f.Name + " " + literal.TypeName(f.Type), f.Doc})
	}
	return list
}

func table(b *strings.Builder, rows [][2]string) {
	width := 0
	for _, r := range rows {
		width = max(width, len(r[0]))
	}
	for _, r := range rows {
		b.WriteString(strings.TrimRight(fmt.Sprintf("  %-*s  %s", width, r[0], r[1]), " ") + "\n")
	}
}
