// Package register writes what a Flyte project is registered from: the archive
// that flytectl takes, what stands beside it, and the exact commands. With
// [Upload] the stages' executables go to the object store, so that images need
// not hold the code. It knows Flyte, and nothing of any workflow in particular.
package register

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/spec"
)

// Target is where an archive is registered, and as what.
type Target struct{ Project, Domain, Version string }

var (
	projectRE = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	versionRE = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$`)
)

func (t Target) check() error {
	for _, p := range []struct {
		name, value string
		may         *regexp.Regexp
		remedy      string
	}{
		{"project", t.Project, projectRE, "use a-z, 0-9 and dashes"},
		{"domain", t.Domain, projectRE, "use a-z, 0-9 and dashes"},
		{"version", t.Version, versionRE, "use letters, digits, dots and dashes"},
	} {
		if !p.may.MatchString(p.value) && (p.value != "" || p.name != "project") {
			return fault.Input("TargetInvalid", "%q can't be registered as", p.value).At("%s", p.name).Fix("%s", p.remedy)
		}
	}
	return nil
}

// flags of flytectl.
func (t Target) flags() string {
	project := t.Project
	if project == "" {
		project = "PROJECT"
	}
	return fmt.Sprintf("-p %s -d %s", project, t.Domain)
}

// Archive is what is registered together.
type Archive struct {
	Bundles []*spec.Bundle
	// Target says where. Without a project the commands have a word to replace,
	// and there are no files of attributes; without a version it is "fast-" and
	// the archive's checksum, so that the same content is the same version.
	Target Target
	// Plan is what holds for every execution of the project.
	Plan spec.PlanSettings
	// ClusterLabel names the cluster that runs the project, where Flyte has several.
	ClusterLabel string
	// Started are the launch plans whose schedules the script starts; of others
	// it holds the command as a comment.
	Started []string
}

// File is one that is written.
type File struct {
	Name string
	Data []byte
}

// Files are the archive, under the given name, and what stands beside it; the
// last is the script that registers all of it.
func (a Archive) Files(name string) ([]File, error) {
	var b bytes.Buffer
	if err := spec.WriteArchive(&b, a.Bundles...); err != nil {
		return nil, err
	}
	if a.Target.Version == "" {
		sum := sha256.Sum256(b.Bytes())
		a.Target.Version = "fast-" + hex.EncodeToString(sum[:])[:12]
	}
	if err := a.Target.check(); err != nil {
		return nil, err
	}
	resources, err := resourceAttributes(a.Bundles)
	if err != nil {
		return nil, err
	}
	label := map[string]any{}
	if a.ClusterLabel != "" {
		label["value"] = a.ClusterLabel
	}
	base := strings.TrimSuffix(strings.TrimSuffix(name, ".tgz"), ".tar.gz")
	files := []File{{name, b.Bytes()}}
	var attributes [][2]string // kind, file
	for _, attribute := range []struct {
		kind, suffix string
		content      map[string]any
	}{
		{"task-resource-attribute", ".task-resources.yaml", resources},
		{"workflow-execution-config", ".execution-config.yaml", executionConfig(a.Plan)},
		{"execution-cluster-label", ".cluster-label.yaml", label},
	} {
		if a.Target.Project == "" || len(attribute.content) == 0 {
			continue
		}
		attribute.content["project"], attribute.content["domain"] = a.Target.Project, a.Target.Domain
		text, err := yaml.MarshalWithOptions(ordered(attribute.content), yaml.Indent(2))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", attribute.suffix, err)
		}
		f := File{base + attribute.suffix, append([]byte("# flytectl update "+attribute.kind+" --attrFile "+path.Base(base)+attribute.suffix+" --force\n"), text...)}
		files = append(files, f)
		attributes = append(attributes, [2]string{attribute.kind, f.Name})
	}
	return append(files, File{base + ".register.sh", a.script(name, attributes)}), nil
}

// ordered writes a document's keys in the order of the alphabet.
func ordered(m map[string]any) yaml.MapSlice {
	var s yaml.MapSlice
	for _, k := range sortedKeys(m) {
		v := m[k]
		if inner, ok := v.(map[string]any); ok {
			v = ordered(inner)
		}
		s = append(s, yaml.MapItem{Key: k, Value: v})
	}
	return s
}

func sortedKeys[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
