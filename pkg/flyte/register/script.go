package register

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/cosmostat/constellation/pkg/flyte/spec"
)

// script registers an archive, and the attributes of kind and file, with flytectl.
func (a Archive) script(archive string, attributes [][2]string) []byte {
	var b bytes.Buffer
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	flags, version := a.Target.flags(), shell(a.Target.Version)
	say("# Registers version %s in project and domain of these flags: %s", a.Target.Version, flags)
	say("set -eu")
	if a.Target.Project == "" {
		say(": # replace PROJECT first; `package -p` does, and writes the files of attributes too")
	}
	for _, name := range podTemplates(a.Bundles) {
		say("# Once per cluster: PodTemplate %s (deploy/flyte/podtemplate-gpu.yaml), without which its tasks fail.", name)
	}
	for _, attribute := range attributes {
		say("flytectl update %s --attrFile %s --force", attribute[0], shell(attribute[1]))
	}
	say("flytectl register files %s --archive %s --version %s", shell(archive), flags, version)
	for _, w := range a.Bundles {
		t := w.Workflow
		say("flytectl update workflow-meta %s %s --description %s --force", flags, t.GetTemplate().GetId().GetName(), shell(t.GetDescription().GetShortDescription()))
	}
	for _, w := range a.Bundles {
		for _, p := range w.Plans {
			if p.GetSpec().GetEntityMetadata().GetSchedule() != nil {
				start := "# to start its schedule: "
				if slices.Contains(a.Started, p.GetId().GetName()) {
					start = ""
				}
				say("%sflytectl update launchplan %s %s --version %s --activate --force", start, flags, p.GetId().GetName(), version)
			}
		}
	}
	name := a.Bundles[len(a.Bundles)-1].Plans[0].GetId().GetName()
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
