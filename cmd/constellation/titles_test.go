package main

import (
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/flyte/local"
)

func event(node string, kind local.Kind) local.Event {
	return local.Event{NodeRef: local.NodeRef{Node: node, Element: -1}, Kind: kind}
}

func TestTitles(t *testing.T) {
	names := newTitles()
	told := func(node, name string, count int) {
		e := event(node, local.Queued)
		e.Name = name
		names.learn(e)
		if count > 0 {
			e = event(node, local.Expanded)
			e.Count = count
			names.learn(e)
		}
	}
	told("fan", "", 2)
	told("fan/n0", "batch-0", 0)
	told("fan/n0/tiles", "", 3)
	told("fan/n0/tiles/n2", "tile-7", 0)
	told("one", "", 1)
	told("one/n0", "batch-1", 0)
	told("one/n0/tiles", "", 1)
	told("one/n0/tiles/n0", "tile-8", 0)
	for path, want := range map[string]string{
		"resolve":                      "resolve",
		"fan":                          "fan",
		"fan/n0":                       "batch-0",
		"fan/n0/tiles":                 "batch-0/tiles",
		"fan/n0/tiles/n2":              "tile-7",
		"fan/n0/tiles/n2/prepare":      "tile-7/prepare",
		"fan/n0/tiles/n1/prepare":      "batch-0/tiles/n1/prepare", // it has no name
		"fan/n1/tiles":                 "fan/n1/tiles",
		"one/n0":                       "batch-1",
		"one/n0/tiles":                 "tiles",
		"one/n0/tiles/n0":              "tile-8",
		"one/n0/tiles/n0/prepare/deep": "tile-8/prepare/deep",
	} {
		if got := names.of(path); got != want {
			t.Errorf("%s is called %s, not %s", path, got, want)
		}
	}
	if got := names.element(local.NodeRef{Node: "fan/n0/tiles/n2/infer", Element: 5}); got != "tile-7/infer[5]" {
		t.Error(got)
	}
}

// TestHint: what failed as data is shown as failed when it happens.
func TestHint(t *testing.T) {
	var out strings.Builder
	v, err := newView(&out, "r", "")
	if err != nil {
		t.Fatal(err)
	}
	v.hint = func(e local.Event) (string, bool) {
		return map[string]string{"a": "no catalogue", "b": "1 file is lost"}[e.Node], e.Node == "a"
	}
	for _, node := range []string{"a", "b", "c"} {
		v.observe(event(node, local.Succeeded))
	}
	again := event("d", local.Retrying)
	again.Message = "a long story"
	v.observe(again)
	v.observe(again)
	if n := strings.Count(out.String(), "a long story"); n != 1 || strings.Count(out.String(), "again after") != 2 {
		t.Errorf("the same reason %d times:\n%s", n, &out)
	}
	lines := strings.Split(out.String(), "\n")
	if !strings.Contains(lines[0], "FAILED: no catalogue") || strings.Contains(lines[0], "done") {
		t.Error(lines[0])
	}
	if !strings.Contains(lines[1], "done") || !strings.Contains(lines[1], "1 file is lost") || strings.Contains(lines[2], "FAILED") {
		t.Error(lines[1], lines[2])
	}
}
