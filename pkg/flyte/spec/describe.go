package spec

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
)

// maxDescription is what FlyteAdmin's API allows a long description, in bytes.
const maxDescription = 4096

// describe writes what people read about a task or a workflow in the console:
// a sentence, then what goes in and out and, of a task, what it asks of the
// cluster; and where its source code is. These are plain sentences without any
// markup: the console shows the text as it is, in one paragraph.
func (o Options) describe(id *core.Identifier, doc string, i *core.TypedInterface, t *core.TaskTemplate) *admin.DescriptionEntity {
	d := &admin.DescriptionEntity{ShortDescription: doc}
	var parts []string
	if doc != "" {
		parts = append(parts, doc)
	}
	if t != nil {
		parts = append(parts, facts(t))
	}
	parts = append(parts, variables("Input", i.GetInputs()), variables("Output", i.GetOutputs()))
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	d.LongDescription = &admin.Description{
		Content: &admin.Description_Value{Value: shorten(strings.Join(parts, "\n\n"))},
		Format:  admin.DescriptionFormat_DESCRIPTION_FORMAT_MARKDOWN,
	}
	if o.Source != nil {
		if link := o.Source(id.GetResourceType(), id.GetName()); link != "" {
			d.SourceCode = &admin.SourceCode{Link: link}
		}
	}
	return d
}

// inWords spells types without angles, which Markdown would take for HTML.
var inWords = strings.NewReplacer("list<", "list of ", "map<", "map of ", ">", "")

// kindOf says which of a stage's templates this is, where it is not the stage itself.
func kindOf(d task.Declaration, o task.TemplateOptions) string {
	one := d.TemplateName(o.Variant, false)
	switch {
	case o.Mapped:
		return fmt.Sprintf(" Not to be launched alone: a map runs it, over %s; launch %s for one element.", strings.Join(d.Over, " and "), one)
	case o.Variant != "":
		return fmt.Sprintf(" The same as %s, with other resources.", d.Name)
	}
	return ""
}

func variables(title string, m *core.VariableMap) string {
	if len(m.GetVariables()) == 0 {
		return ""
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(m.GetVariables())) {
		v := m.GetVariables()[name]
		line := fmt.Sprintf("%s %s (%s)", title, name, inWords.Replace(literal.TypeName(v.GetType())))
		// Where a variable has no words of its own, Go kits put its name there.
		if words := v.GetDescription(); words != "" && words != name {
			line += ": " + words
		}
		lines = append(lines, line+".")
	}
	return strings.Join(lines, "\n")
}

// facts is what a task's template asks of the cluster and of the engine.
func facts(t *core.TaskTemplate) string {
	var list []string
	for _, r := range t.GetContainer().GetResources().GetRequests() {
		list = append(list, strings.ToLower(strings.ReplaceAll(r.GetName().String(), "_", " "))+" "+r.GetValue())
	}
	if device := t.GetExtendedResources().GetGpuAccelerator().GetDevice(); device != "" {
		list = append(list, "accelerator "+device)
	}
	if n := t.GetMetadata().GetRetries().GetRetries(); n > 0 {
		list = append(list, fmt.Sprintf("retries %d", n))
	}
	if m := t.GetMetadata(); m.GetDiscoverable() {
		list = append(list, "cached under version "+m.GetDiscoveryVersion())
	}
	if len(list) == 0 {
		return ""
	}
	return "Asks for: " + strings.Join(list, ", ") + "."
}

// shorten cuts a text that is too long at the end of a line.
func shorten(text string) string {
	if len(text) <= maxDescription {
		return text
	}
	const more = "\n..."
	text = text[:maxDescription-len(more)]
	return text[:strings.LastIndexByte(text, '\n')] + more
}
