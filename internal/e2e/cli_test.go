package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// until runs a command and interrupts it, as Ctrl-C does, once its standard
// output matches a pattern.
func until(t *testing.T, cmd *exec.Cmd, pattern string) result {
	t.Helper()
	return once(t, cmd, pattern, func() {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
	})
}

// once runs a command and does something when its standard output first matches
// a pattern.
func once(t *testing.T, cmd *exec.Cmd, pattern string, do func()) result {
	t.Helper()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said, stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	want, done := regexp.MustCompile(pattern), false
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if !done && want.Match(lines.Bytes()) {
			done = true
			do()
		}
	}
	err = cmd.Wait()
	r := result{cmd.ProcessState.ExitCode(), said.String(), stderr.String()}
	if !done {
		t.Fatalf("it never said %q (%v): %s", pattern, err, r)
	}
	return r
}

// goesOn is the command that a run which ended early says to go on with.
func goesOn(t *testing.T, r result) []string {
	t.Helper()
	m := regexp.MustCompile(`(?m)^what succeeded is kept: (?:once the cause is mended, )?(.*) goes on from here$`).FindStringSubmatch(r.stdout)
	if m == nil {
		t.Fatalf("it does not say how to go on: %s", r)
	}
	return strings.Fields(m[1])
}

// TestDemo runs the demonstration, stops it, resumes it and runs it again.
func TestDemo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	args := []string{"demo", "--preset", "tiny", "--dir", "d"}
	stopped := until(t, s.command(args...), `prepare-tile +done`)
	if stopped.status != 130 || strings.Count(stopped.stderr, "\n") != 1 {
		t.Errorf("a demo that is stopped: %s", stopped)
	}
	again := goesOn(t, stopped)
	if again[0] != "constellation" {
		t.Fatalf("goes on by %q", again)
	}
	resumed := s.do(t, again[1:]...)
	for _, want := range []string{`in \S+/d/s3/euclid/q1 already`, `go on with the run`, `kept from an earlier run`, `verdict +ok`, `in the catalogue +8\n`, `\+0\.0300`} {
		if !regexp.MustCompile(want).MatchString(resumed.stdout) {
			t.Errorf("a resumed demo does not say %q: %s", want, resumed)
		}
	}
	third := once(t, s.command(args...), `resolve-config`, func() { removeAll(t, s.path("d", "constellation.yaml")) })
	if third.status != 0 || third.stderr != "" {
		t.Errorf("a demo whose configuration goes away: %s", third)
	}
	for _, want := range []string{`8 of 8 sub-tiles were made by earlier runs`, `verdict +ok`} {
		if !regexp.MustCompile(want).MatchString(third.stdout) {
			t.Errorf("another demo does not say %q: %s", want, third)
		}
	}
	if strings.Contains(s.do(t, append(args, "--cache", "overwrite")...).stdout, "made by earlier runs") {
		t.Error("--cache overwrite took results from the cache")
	}
	write(t, filepath.Join(mkdir(t, s.dir, "mine"), "constellation.yaml"), "precious")
	for dir, want := range map[string]string{"mine": "not an earlier demo's", "d": `holds a demo of the preset "tiny"`, "constellation.yaml": "not a directory"} {
		if r := s.try(t, "demo", "--dir", dir); r.status != 1 || !strings.Contains(r.stderr, want) || r.stdout != "" {
			t.Errorf("a demo in %s: %s", dir, r)
		}
	}
	if string(read(t, s.path("mine", "constellation.yaml"))) != "precious" {
		t.Error("somebody else's file was written over")
	}
}

// TestProgress: the lines of a run name tiles, say what failed when it fails,
// and how to go on when it is stopped.
func TestProgress(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ids := s.tiny.TargetIDs()

	t.Run("stopped", func(t *testing.T) {
		args := []string{"run", "--config", "constellation.yaml", "--cache", "off"}
		r := until(t, s.command(args...), `prepare-tile +done`)
		if r.status != 130 || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%s", r)
		}
		more := goesOn(t, r)
		if got := strings.Join(more[:4], " "); got != "the same command with" {
			t.Fatalf("goes on by %q", more)
		}
		r = s.do(t, append(args, more[4:]...)...)
		if !strings.Contains(r.stdout, "kept from an earlier run") {
			t.Errorf("it was not resumed: %s", r)
		}
		for _, want := range []string{fmt.Sprintf("tile-%d/prepare-tile", ids[0]), fmt.Sprintf("tile-%d/infer-subtile", ids[1]), "  assemble-catalog "} {
			if !strings.Contains(r.stdout, want) {
				t.Errorf("no line is about %s: %s", want, r)
			}
		}
		if regexp.MustCompile(`n\d+/`).MatchString(r.stdout) {
			t.Errorf("lines have ids of nodes: %s", r)
		}
	})
	t.Run("a tile fails", func(t *testing.T) {
		remove(anyCatalog)(t, s.bucket(t, "holed"))
		write(t, s.path("holed.yaml"), s.config("holed"))
		r := s.try(t, "run", "--config", "holed.yaml", "--run-id", "holed")
		if r.status != 1 || !regexp.MustCompile(fmt.Sprintf(`(?m)^ +\S+  tile-%d/prepare-tile +FAILED: .*no MER catalogue`, ids[1])).MatchString(r.stdout) {
			t.Errorf("a tile without a catalogue: %s", r)
		}
		if regexp.MustCompile(fmt.Sprintf(`tile-%d/prepare-tile +done`, ids[1])).MatchString(r.stdout) {
			t.Errorf("it is done: %s", r)
		}
	})
	t.Run("products' server is away", func(t *testing.T) {
		cmd := s.command("run", "--config", "constellation.yaml", "--run-id", "away", "--metadata", "away")
		dead := deadEndpoint(t)
		cmd.Env = append(cmd.Env, "AWS_ENDPOINT_URL_S3="+dead)
		r := finish(t, cmd)
		if r.status != 1 || !strings.Contains(r.stderr, dead+": AWS_ENDPOINT_URL_S3: nobody answers there") {
			t.Errorf("%s", r)
		}
		if left := tree(t, s.path("away")); len(left) > 0 {
			t.Errorf("something was begun: %d files", len(left))
		}
	})
}

// TestCatalogFirst: a catalogue that can't be opened is found before any work.
func TestCatalogFirst(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	write(t, s.path("file"), "in the way")
	r := s.try(t, "run", "--config", "constellation.yaml", "--run-id", "late", "--metadata", "late", "--set", "output.catalog_warehouse=file/warehouse")
	if r.status != 1 || !regexp.MustCompile(`file/warehouse\S*: not a directory`).MatchString(r.stderr) || strings.Contains(r.stdout, "resolve-config") {
		t.Errorf("a catalogue below a file: %s", r)
	}
	if left := tree(t, s.path("late")); len(left) > 0 {
		t.Errorf("something was begun: %d files", len(left))
	}
}

// TestServe: a server says how to reach it, and makes no directory that was mistyped.
func TestServe(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for dir, want := range map[string]string{"nowhere": "no such file", "constellation.yaml": "not a directory"} {
		if r := s.try(t, "serve", dir); r.status != 1 || !strings.Contains(r.stderr, want) || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("serve %s: %s", dir, r)
		}
	}
	if _, err := os.Stat(s.path("nowhere")); err == nil {
		t.Error("a mistyped directory was made")
	}
	if r := s.do(t, "help", "serve"); r.stdout != s.do(t, "serve", "--help").stdout || !strings.Contains(r.stdout, "constellation serve DIR [flags]") {
		t.Errorf("help: %s", r)
	}
	if r := s.try(t, "serve"); r.status != 2 || !strings.Contains(r.stderr, "constellation: ") || !strings.Contains(r.stderr, "it is constellation serve DIR") {
		t.Errorf("serve without a directory: %s", r)
	}
	mkdir(t, s.dir, "served", "euclid")
	for flags, want := range map[string]string{
		"--tls-cert constellation.yaml":                                           "--tls-cert needs --http-index",
		"--http-index --anonymous":                                                "--anonymous is for S3",
		"--http-index --tls-cert constellation.yaml":                              "give both --tls-cert and --tls-key",
		"--http-index --tls-cert constellation.yaml --tls-key constellation.yaml": "give a certificate and the key to it, in PEM",
		"--http-index --addr nowhere.invalid:1":                                   "give another --addr",
	} {
		if r := s.try(t, append([]string{"serve", "served"}, strings.Fields(flags)...)...); r.status != 1 || !strings.Contains(r.stderr, want) || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("serve %s: %s", flags, r)
		}
	}
	if r := s.try(t, "serve", "nowhere", "--http-index"); r.status != 1 || !strings.Contains(r.stderr, "no such file") {
		t.Errorf("serve nowhere: %s", r)
	}
	if r := until(t, s.command("serve", "served", "--http-index"), `Ctrl-C`); r.status != 0 || r.stderr != "" || !regexp.MustCompile(`(?m)^sources    data: \{vis_base_uri: "http://127\.0\.0\.1:\d+/VIS/"\}`).MatchString(r.stdout) {
		t.Errorf("serve over HTTP: %s", r)
	}
	r := until(t, s.command("serve", "served", "--anonymous", "--access-key", "me", "--secret-key", "mine"), `Ctrl-C`)
	if r.status != 0 || r.stderr != "" {
		t.Errorf("serve, stopped: %s", r)
	}
	url := regexp.MustCompile(`(?m)^http://127\.0\.0\.1:\d+$`).FindString(r.stdout)
	for _, want := range []string{"buckets    euclid\n", "AWS_ENDPOINT_URL=" + url + " ", "AWS_ACCESS_KEY_ID=me AWS_SECRET_ACCESS_KEY=mine\n", "s3_no_sign_request: true"} {
		if url == "" || !strings.Contains(r.stdout, want) {
			t.Errorf("serve does not say %q: %s", want, r)
		}
	}
}

// TestServerMissing: where the S3 server is not beside the command, as in the
// image, the verbs that need it say so before they do anything.
func TestServerMissing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	alone := filepath.Join(mkdir(t, s.dir, "alone"), "constellation")
	if err := os.WriteFile(alone, read(t, filepath.Join(s.bin, "constellation")), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"serve", "."}, {"demo", "--preset", "tiny", "--dir", "d"}} {
		cmd := exec.Command(alone, args...)
		cmd.Dir, cmd.Env = s.dir, s.env
		if r := finish(t, cmd); r.status != 1 || r.stdout != "" || strings.Count(r.stderr, "\n") != 1 ||
			!strings.Contains(r.stderr, s.path("alone", "serve-s3")) || !strings.Contains(r.stderr, "make build") {
			t.Errorf("%s: %s", args[0], r)
		}
	}
	if _, err := os.Stat(s.path("d")); err == nil {
		t.Error("a demo was begun")
	}
}
