package task

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cosmostat/constellation/pkg/flyte/literal"
)

// Declaration says everything about a stage but its types and its code.
type Declaration struct {
	Name string // snake_case; the executable's name is the same with dashes
	Doc  string // a sentence

	Image       string // role of the container image, e.g. "shine"; "" is the common one. Building a workflow maps roles to images
	Resources   Resources
	Accelerator string // GPU device as the cluster labels its nodes, e.g. nvidia-l4; needs Resources.GPU
	PodTemplate string // name of a PodTemplate in the cluster

	// Interruptible lets attempts run on spot machines, the last one on demand.
	// Timeout bounds one attempt. The engine ignores both in a task's metadata,
	// so package spec puts them on nodes.
	Interruptible bool
	Timeout       time.Duration
	Retries       int // of the task's own failures; the engine retries lost machines by itself

	CacheVersion string   // where not empty, outputs are cached under it; change it when the code's results change
	CacheIgnore  []string // inputs that don't take part in the cache key
	// CacheSerialize lets one execution at a time compute a result that several want; the others wait for it and hit.
	CacheSerialize bool

	Deck bool // the task writes a report page
	// Over names the inputs that a map runs over. A stage that has some gets a
	// second template, NAME_map, in which these inputs and all outputs are
	// lists: the engine's array node takes its interface from the template.
	Over     []string
	Variants []Variant
}

// Resources of a container, as Kubernetes quantities: CPU "2" or "500m", Memory and Storage "4Gi".
type Resources struct {
	CPU, Memory, Storage string
	GPU                  int
}

// Variant is a further template of the same executable: other resources, same contract.
type Variant struct {
	Suffix        string // of the template's name, e.g. "_cpu"
	Image         string // where empty: the declaration's
	Resources     Resources
	Accelerator   string
	Interruptible bool
}

var (
	nameRE     = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	suffixRE   = regexp.MustCompile(`^(_[a-z0-9]+)+$`)
	quantityRE = regexp.MustCompile(`^([0-9]+|[0-9]*\.[0-9]+)(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi)?$`)
)

// Executable is the name of the program: the stage's name with dashes.
func (d Declaration) Executable() string { return strings.ReplaceAll(d.Name, "_", "-") }

// TemplateName is the name of one of the stage's templates.
func (d Declaration) TemplateName(variant string, mapped bool) string {
	name := d.Name + variant
	if mapped {
		name += "_map"
	}
	return name
}

// variant returns the settings of a template: the declaration's own for the empty suffix.
func (d Declaration) variant(suffix string) (Variant, error) {
	if suffix == "" {
		return Variant{Image: d.Image, Resources: d.Resources, Accelerator: d.Accelerator, Interruptible: d.Interruptible}, nil
	}
	for _, v := range d.Variants {
		if v.Suffix == suffix {
			if v.Image == "" {
				v.Image = d.Image
			}
			return v, nil
		}
	}
	var known []string
	for _, v := range d.Variants {
		known = append(known, v.Suffix)
	}
	return Variant{}, fmt.Errorf("task %s has no variant %q (it has %q)", d.Name, suffix, known)
}

// check finds everything that is wrong with a declaration.
func (d Declaration) check(inputs []literal.Field) error {
	var errs []error
	bad := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	if !nameRE.MatchString(d.Name) {
		bad("Name %q is not snake_case (a-z, 0-9, single _)", d.Name)
	}
	if strings.HasSuffix(d.Name, "_map") {
		bad("Name %q ends in _map, which marks mapped templates", d.Name)
	}
	if d.Doc == "" {
		bad("Doc is empty: one sentence says what the stage does")
	}
	if d.Retries < 0 {
		bad("Retries is %d: 0 means none", d.Retries)
	}
	if d.Timeout < 0 {
		bad("Timeout is %v: 0 means none", d.Timeout)
	}
	if len(d.CacheIgnore) > 0 && d.CacheVersion == "" {
		bad("CacheIgnore without CacheVersion: nothing is cached")
	}
	if d.CacheSerialize && d.CacheVersion == "" {
		bad("CacheSerialize without CacheVersion: nothing is cached")
	}
	known := func(what string, names []string) {
		for i, name := range names {
			if !slices.ContainsFunc(inputs, func(f literal.Field) bool { return f.Name == name }) {
				bad("%s names %q, which is not an input", what, name)
			}
			if slices.Contains(names[:i], name) {
				bad("%s names %q twice", what, name)
			}
		}
	}
	known("CacheIgnore", d.CacheIgnore)
	known("Over", d.Over)
	for _, f := range inputs {
		// A nil element would be told apart from a failed one by nobody.
		if slices.Contains(d.Over, f.Name) && f.Go.Kind() == reflect.Pointer {
			bad("Over names %q, which is optional: map over a plain value", f.Name)
		}
	}
	errs = append(errs, d.Resources.check(d.Accelerator))
	seen := map[string]bool{}
	for _, v := range d.Variants {
		if !suffixRE.MatchString(v.Suffix) || strings.HasSuffix(v.Suffix, "_map") {
			bad("variant suffix %q: want an underscore and a word other than map, e.g. _cpu", v.Suffix)
		}
		if seen[v.Suffix] {
			bad("variant suffix %q stands twice", v.Suffix)
		}
		seen[v.Suffix] = true
		if err := v.Resources.check(v.Accelerator); err != nil {
			bad("variant %s: %w", v.Suffix, err)
		}
	}
	return errors.Join(errs...)
}

func (r Resources) check(accelerator string) error {
	for _, q := range []struct{ name, value string }{{"CPU", r.CPU}, {"Memory", r.Memory}, {"Storage", r.Storage}} {
		if q.value != "" && !quantityRE.MatchString(q.value) {
			return fmt.Errorf("%s %q is not a quantity such as 2, 500m or 4Gi", q.name, q.value)
		}
	}
	if r.GPU < 0 {
		return fmt.Errorf("GPU is %d: 0 means none", r.GPU)
	}
	if accelerator != "" && r.GPU == 0 {
		return fmt.Errorf("accelerator %q without a GPU: set Resources.GPU", accelerator)
	}
	return nil
}
