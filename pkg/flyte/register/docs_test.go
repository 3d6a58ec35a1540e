package register_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	versionFlag = regexp.MustCompile(`--version ([^\s"'` + "`" + `)]+)`)
	registers   = regexp.MustCompile(`(constellation package|make register|register files)`)
)

// TestCommandsOfTheDocs: flytectl asks before it updates anything, so commands
// say --force; and a version that a page launches is one that it registers.
func TestCommandsOfTheDocs(t *testing.T) {
	pages, err := filepath.Glob("../../../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("%v, %v", pages, err)
	}
	updates := 0
	for _, page := range append(pages, "../../../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		made, wanted := map[string]bool{}, map[string]string{}
		for line := range strings.Lines(strings.ReplaceAll(string(text), "\\\n", " ")) {
			if strings.Contains(line, "flytectl update ") {
				if updates++; !strings.Contains(line, "--force") {
					t.Errorf("%s: without --force flytectl asks: %s", page, line)
				}
			}
			for _, v := range versionFlag.FindAllStringSubmatch(line, -1) {
				if registers.MatchString(line) {
					made[v[1]] = true
				} else {
					wanted[v[1]] = line
				}
			}
		}
		for v, line := range wanted {
			if !made[v] {
				t.Errorf("%s launches version %s, and registers none of that name: %s", page, v, line)
			}
		}
	}
	if updates < 2 {
		t.Errorf("%d commands were looked at", updates)
	}
}
