package task

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// ProtocolVersion is the version of Flyte whose protocol this package speaks.
//
// Templates say FLYTE_SDK with this version, since the engine lets a list of
// more than 10 MB (which it then offloads) flow only into tasks that claim to
// be a FLYTE_SDK of at least 1.13.14. What that claims, reading offloaded
// literals, [Main] does.
const ProtocolVersion = "1.16.8"

// TemplateOptions picks one of a stage's templates.
type TemplateOptions struct {
	Image   string           // container image
	Variant string           // suffix of a declared variant; "" is the declaration itself
	Mapped  bool             // the list-typed template for an array node
	Custom  *structpb.Struct // of a dynamic task: its closure (see [Closure])
}

// Interface is the stage's typed interface.
func (c *contract) Interface() *core.TypedInterface {
	return proto.Clone(c.iface).(*core.TypedInterface)
}

// MappedInterface is the interface of the list-typed template.
func (c *contract) MappedInterface() *core.TypedInterface {
	i := c.Interface()
	for name, v := range i.GetInputs().GetVariables() {
		if slices.Contains(c.decl.Over, name) {
			v.Type = listOf(v.GetType())
		}
	}
	for _, v := range i.GetOutputs().GetVariables() {
		v.Type = listOf(v.GetType())
	}
	return i
}

func listOf(t *core.LiteralType) *core.LiteralType {
	return &core.LiteralType{Type: &core.LiteralType_CollectionType{CollectionType: t}}
}

// Arguments of every template; the engine fills in what stands in braces.
func (c *contract) arguments(mapped bool) []string {
	args := []string{
		"--inputs", "{{.input}}",
		"--output-prefix", "{{.outputPrefix}}",
		"--raw-output-prefix", "{{.rawOutputDataPrefix}}",
		"--checkpoint-prefix", "{{.checkpointOutputPrefix}}",
		"--prev-checkpoint-prefix", "{{.prevCheckpointPrefix}}",
	}
	if mapped {
		args = append(args, "--element")
	}
	if c.dynamic {
		args = append(args, "--task-template", "{{.taskTemplatePath}}")
	}
	return args
}

// ImageRole is the role of the image that a template runs in.
func (c *contract) ImageRole(variant string) (string, error) {
	v, err := c.decl.variant(variant)
	return v.Image, err
}

// Template is one of the stage's task templates. Project, domain and version
// of its id stay empty: registration fills them.
func (c *contract) Template(o TemplateOptions) (*core.TaskTemplate, error) {
	v, err := c.decl.variant(o.Variant)
	if err != nil {
		return nil, err
	}
	if o.Mapped && !c.Mappable() {
		return nil, fmt.Errorf("task %s can't be mapped: its declaration names no inputs in Over", c.decl.Name)
	}
	iface := c.Interface()
	if o.Mapped {
		iface = c.MappedInterface()
	}
	t := &core.TaskTemplate{
		Id:        &core.Identifier{ResourceType: core.ResourceType_TASK, Name: c.decl.TemplateName(o.Variant, o.Mapped)},
		Type:      "container", // with no data_config: one plain container, no side-car that copies files
		Metadata:  c.metadata(o.Image, v.Image),
		Interface: iface,
		Custom:    o.Custom,
		Target: &core.TaskTemplate_Container{Container: &core.Container{
			Image:     o.Image,
			Command:   []string{"/bin/" + c.decl.Executable()},
			Args:      c.arguments(o.Mapped),
			Resources: v.Resources.proto(),
		}},
	}
	if v.Accelerator != "" {
		t.ExtendedResources = accelerator(v.Accelerator)
	}
	return t, nil
}

// accelerator asks for one kind of GPU, whole.
func accelerator(device string) *core.ExtendedResources {
	return &core.ExtendedResources{GpuAccelerator: &core.GPUAccelerator{
		Device:             device,
		PartitionSizeValue: &core.GPUAccelerator_Unpartitioned{Unpartitioned: true},
	}}
}

// metadata takes the container's image and its role. What an image of another
// role does with the same inputs is that image's: it is part of the version.
func (c *contract) metadata(image, role string) *core.TaskMetadata {
	m := &core.TaskMetadata{
		Runtime: &core.RuntimeMetadata{Type: core.RuntimeMetadata_FLYTE_SDK, Version: ProtocolVersion, Flavor: "golang"},
		Retries: &core.RetryStrategy{Retries: uint32(c.decl.Retries)},
	}
	if c.decl.CacheVersion != "" {
		m.Discoverable, m.DiscoveryVersion = true, c.decl.CacheVersion
		if role != "" {
			sum := sha256.Sum256([]byte(image))
			m.DiscoveryVersion += "-" + hex.EncodeToString(sum[:6])
		}
		m.CacheIgnoreInputVars = slices.Clone(c.decl.CacheIgnore)
		m.CacheSerializable = c.decl.CacheSerialize
	}
	if c.decl.Deck {
		m.GeneratesDeck = wrapperspb.Bool(true)
	}
	m.PodTemplateName = c.decl.PodTemplate
	return m
}

// proto sets limits to requests: what a stage says it needs is what it gets,
// and going over is an error of the declaration, seen at once.
func (r Resources) proto() *core.Resources {
	var entries []*core.Resources_ResourceEntry
	add := func(name core.Resources_ResourceName, value string) {
		if value != "" {
			entries = append(entries, &core.Resources_ResourceEntry{Name: name, Value: value})
		}
	}
	add(core.Resources_CPU, r.CPU)
	add(core.Resources_MEMORY, r.Memory)
	add(core.Resources_EPHEMERAL_STORAGE, r.Storage)
	if r.GPU > 0 {
		add(core.Resources_GPU, strconv.Itoa(r.GPU))
	}
	return &core.Resources{Requests: entries, Limits: entries}
}
