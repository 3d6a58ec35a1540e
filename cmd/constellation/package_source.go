package main

import (
	"regexp"
	"runtime/debug"
	"strings"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/version"
)

// repository is where the source code of a commit can be read.
const repository = "https://github.com/cosmostat/constellation/tree/"

// describedRE finds the commit in what git describe says of one that has no tag.
var describedRE = regexp.MustCompile(`^(?:.*-g)?([0-9a-f]{7,40})$`)

// commit is what this command was built from: a tag or a commit, or nothing
// where that is unknown or the tree had changes, which no link would show.
func commit() string {
	if v := version.Version; strings.HasSuffix(v, "-dirty") {
		return ""
	} else if m := describedRE.FindStringSubmatch(v); m != nil {
		return m[1]
	} else if v != "dev" {
		return v
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	revision := ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			return ""
		}
	}
	return revision
}

// sourceLinks links a task to its contract and a workflow to the graphs. An
// empty tree stands for this command's own commit.
func sourceLinks(tree string) func(core.ResourceType, string) string {
	if tree == "" {
		c := commit()
		if c == "" {
			return nil
		}
		tree = repository + c
	}
	tree = strings.TrimSuffix(tree, "/")
	return func(kind core.ResourceType, _ string) string {
		if kind == core.ResourceType_TASK {
			return tree + "/pkg/pipeline"
		}
		return tree + "/workflows"
	}
}
