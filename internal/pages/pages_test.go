// Package pages follows pages of the documentation to the letter.
package pages

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

// TestAddAStage makes the files of docs/add-a-stage.md in a copy of the
// repository, runs its commands there, and wants them to print what the page shows.
func TestAddAStage(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "add-a-stage.md"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	copyTree(t, dir)
	made, ran := 0, 0
	for _, b := range blocks(t, string(text)) {
		switch {
		case b.file != "":
			made++
			path := filepath.Join(dir, filepath.FromSlash(b.file))
			if _, err := os.Stat(path); err == nil {
				t.Fatalf("%s is there already: the page's example would change it", b.file)
			}
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(b.text), 0o666); err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(path, ".go") {
				if out, err := exec.Command("gofmt", "-l", path).CombinedOutput(); err != nil || len(out) > 0 {
					t.Errorf("%s is not as gofmt has it: %v", b.file, err)
				}
			}
		case b.language == "diff":
			made++
			apply := exec.Command("git", "apply", "-")
			apply.Dir, apply.Stdin = dir, strings.NewReader(b.text)
			if out, err := apply.CombinedOutput(); err != nil {
				t.Fatalf("the page's change does not apply: %v\n%s\n%s", err, out, b.text)
			}
		case b.language == "console":
			for _, c := range commands(t, b.text) {
				ran++
				run(t, dir, c)
			}
		}
	}
	if made < 6 || ran < 7 {
		t.Errorf("the page has %d files and %d commands: was it read right?", made, ran)
	}
}

// block is one piece of code of a page.
type block struct{ language, file, text string }

var fence = regexp.MustCompile("(?ms)^```([a-z]+)(?: file=(\\S+))?\n(.*?)^```$")

func blocks(t *testing.T, page string) (all []block) {
	for _, m := range fence.FindAllStringSubmatch(page, -1) {
		all = append(all, block{m[1], m[2], m[3]})
	}
	if fences := strings.Count("\n"+page, "\n```"); fences != 2*len(all) {
		t.Fatalf("%d fences make %d blocks", fences, len(all))
	}
	return all
}

// command is a line that is typed, and what it is to print. There, a line "..." stands
// for any lines, and " ..." at the end of one for the rest of it.
type command struct{ line, prints string }

func commands(t *testing.T, text string) (all []command) {
	for line := range strings.Lines(text) {
		if typed, ok := strings.CutPrefix(line, "$ "); ok {
			all = append(all, command{line: strings.TrimSpace(typed)})
		} else if len(all) == 0 {
			t.Fatalf("output before a command: %s", line)
		} else {
			all[len(all)-1].prints += line
		}
	}
	return all
}

func run(t *testing.T, dir string, c command) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command("sh", "-c", c.line)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
	for _, kv := range os.Environ() { // as outside of an execution
		if !strings.HasPrefix(kv, "FLYTE_") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	if err := cmd.Run(); err != nil {
		t.Fatalf("$ %s\n%v\n%s%s", c.line, err, &stdout, &stderr)
	}
	printed := stdout.String()
	if printed != "" && !strings.HasSuffix(printed, "\n") {
		printed += "\n" // a file may end without one
	}
	if !pattern(c.prints).MatchString(printed) {
		t.Errorf("$ %s\nprinted\n%s\nthe page shows\n%s", c.line, printed, c.prints)
	}
}

// pattern matches what the page shows.
func pattern(shown string) *regexp.Regexp {
	var p strings.Builder
	p.WriteString(`\A`)
	for line := range strings.Lines(shown) {
		line = strings.TrimSuffix(line, "\n")
		start, cut := strings.CutSuffix(line, " ...")
		switch {
		case line == "...":
			p.WriteString(`(?:.*\n)*?`)
		case cut:
			p.WriteString(regexp.QuoteMeta(start) + `\s.*\n`)
		default:
			p.WriteString(regexp.QuoteMeta(line) + `\n`)
		}
	}
	return regexp.MustCompile(p.String() + `\z`)
}

// copyTree copies the repository, but for what was built in it and what is hidden.
func copyTree(t *testing.T, to string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		name := d.Name()
		switch target := filepath.Join(to, rel); {
		case rel == ".":
			return nil
		case d.IsDir() && (strings.HasPrefix(name, ".") || filepath.Dir(rel) == "." && (name == "bin" || name == "dist" || strings.HasPrefix(name, "demo"))):
			return fs.SkipDir
		case d.IsDir():
			return os.Mkdir(target, 0o777)
		case !d.Type().IsRegular():
			return nil
		default:
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(target, data, 0o666)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
