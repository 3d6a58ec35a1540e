package main

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/pkg/flyte/spec"
)

// target is where an archive is registered, and as what.
type target struct{ project, domain, version string }

var (
	projectRE = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	versionRE = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$`)
)

func (t target) check() error {
	switch {
	case t.project != "" && !projectRE.MatchString(t.project):
		return fmt.Errorf("--project %q: use a-z, 0-9 and dashes", t.project)
	case !projectRE.MatchString(t.domain):
		return fmt.Errorf("--domain %q: use a-z, 0-9 and dashes", t.domain)
	case !versionRE.MatchString(t.version):
		return fmt.Errorf("--version %q: use letters, digits, dots and dashes", t.version)
	}
	return nil
}

// flags of flytectl.
func (t target) flags() string {
	project := t.project
	if project == "" {
		project = "PROJECT"
	}
	return fmt.Sprintf("-p %s -d %s", project, t.domain)
}

// file is one that package writes.
type file struct {
	name string
	data []byte
}

// files are the archive and what stands beside it; the last is the script that
// registers all of it.
func (p *packaging) files(c *cobra.Command, bundles []*spec.Bundle, archive []byte) ([]file, error) {
	base := strings.TrimSuffix(strings.TrimSuffix(p.out, ".tgz"), ".tar.gz")
	files := []file{{p.out, archive}}
	s := &script{target: p.target, archive: p.out, asked: p.schedules}
	attribute := func(kind, suffix string, content map[string]any) error {
		if p.target.project == "" || len(content) == 0 {
			return nil
		}
		content["project"], content["domain"] = p.target.project, p.target.domain
		text, err := yaml.MarshalWithOptions(ordered(content), yaml.Indent(2))
		if err != nil {
			return fmt.Errorf("%s: %w", suffix, err)
		}
		f := file{base + suffix, append([]byte("# flytectl update "+kind+" --attrFile "+path.Base(base)+suffix+" --force\n"), text...)}
		files = append(files, f)
		s.attributes = append(s.attributes, [2]string{kind, f.name})
		return nil
	}
	resources, err := resourceAttributes(bundles)
	if err != nil {
		return nil, err
	}
	plan, err := p.plan.settings(c.Flags())
	if err != nil {
		return nil, err
	}
	label := map[string]any{}
	if p.clusterLabel != "" {
		label["value"] = p.clusterLabel
	}
	for _, a := range []struct {
		kind, suffix string
		content      map[string]any
	}{
		{"task-resource-attribute", ".task-resources.yaml", resources},
		{"workflow-execution-config", ".execution-config.yaml", executionConfig(plan)},
		{"execution-cluster-label", ".cluster-label.yaml", label},
	} {
		if err := attribute(a.kind, a.suffix, a.content); err != nil {
			return nil, err
		}
	}
	return append(files, file{base + ".register.sh", s.text(bundles)}), nil
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

// script registers an archive with flytectl. It is also what package prints.
type script struct {
	target     target
	archive    string
	attributes [][2]string       // kind, file
	asked      map[string]string // plans that were given a schedule by hand: these are started
}

func (s *script) text(bundles []*spec.Bundle) []byte {
	var b bytes.Buffer
	say := func(format string, a ...any) { fmt.Fprintf(&b, format+"\n", a...) }
	flags, version := s.target.flags(), shell(s.target.version)
	say("# Registers version %s in project and domain of these flags: %s", s.target.version, flags)
	say("set -eu")
	if s.target.project == "" {
		say(": # replace PROJECT first; `package -p` does, and writes the files of attributes too")
	}
	for _, name := range podTemplates(bundles) {
		say("# Once per cluster: PodTemplate %s (deploy/flyte/podtemplate-gpu.yaml), without which its tasks fail.", name)
	}
	for _, a := range s.attributes {
		say("flytectl update %s --attrFile %s --force", a[0], shell(a[1]))
	}
	say("flytectl register files %s --archive %s --version %s", shell(s.archive), flags, version)
	for _, w := range bundles {
		t := w.Workflow
		say("flytectl update workflow-meta %s %s --description %s --force", flags, t.GetTemplate().GetId().GetName(), shell(t.GetDescription().GetShortDescription()))
	}
	for _, w := range bundles {
		for _, p := range w.Plans {
			if p.GetSpec().GetEntityMetadata().GetSchedule() != nil {
				start := "# to start its schedule: "
				if _, asked := s.asked[p.GetId().GetName()]; asked {
					start = ""
				}
				say("%sflytectl update launchplan %s %s --version %s --activate --force", start, flags, p.GetId().GetName(), version)
			}
		}
	}
	name := bundles[len(bundles)-1].Plans[0].GetId().GetName()
	say("# To launch: write the inputs into a file, fill it in, start it.")
	say("# flytectl get launchplan %s %s --version %s --execFile %s.yaml", flags, name, version, name)
	say("# flytectl create execution %s --execFile %s.yaml", flags, name)
	return b.Bytes()
}

// podTemplates names those that some task asks for.
func podTemplates(bundles []*spec.Bundle) []string {
	names := map[string]bool{}
	for _, b := range bundles {
		for _, t := range b.Tasks {
			if name := t.GetTemplate().GetMetadata().GetPodTemplateName(); name != "" {
				names[name] = true
			}
		}
	}
	return sortedKeys(names)
}

var plainRE = regexp.MustCompile(`^[A-Za-z0-9_./:=@%+,-]+$`)

// shell quotes a word for a POSIX shell, where it has to be.
func shell(word string) string {
	if plainRE.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
