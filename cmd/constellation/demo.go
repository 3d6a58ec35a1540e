package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/pkg/simulate"
	"github.com/cosmostat/constellation/workflows"
)

// The account of the demo's own server, which listens on loopback only.
const demoKey = "constellation"

func demoCommand() *cobra.Command {
	var d demonstration
	c := &cobra.Command{
		Use:   "demo",
		Short: "Simulate a survey, serve it over S3, run the whole pipeline on it",
		Long: `Demo simulates a small survey, serves it by an S3 server on loopback, runs the whole
pipeline on it from s3:// URIs, and ends with a validated Iceberg shear catalogue.

It stays inside one directory. Where that holds an earlier demo, its survey is
used again; a run that was stopped or failed is resumed, and a new run takes from
the cache what earlier ones made (--cache overwrite makes it again).`,
		Example: `  constellation demo
  constellation demo --preset tiny --dir /tmp/demo
  constellation demo --cache overwrite`,
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.StringVar(&d.dir, "dir", "demo", "directory for everything that the demo writes: a new one, an empty one or an earlier demo's")
	f.StringVar(&d.preset, "preset", "demo", "survey to simulate: tiny or demo")
	f.StringVar(&d.cache, "cache", "use", cacheUse)
	c.RunE = func(c *cobra.Command, _ []string) error {
		d.again = c.CommandPath() + " --dir " + d.dir + " --preset " + d.preset
		d.dir = absolutePath(d.dir)
		return d.run(c.Context(), c.OutOrStdout())
	}
	return c
}

// demonstration is what the demo is told.
type demonstration struct{ dir, preset, cache, again string }

func (d *demonstration) run(ctx context.Context, w io.Writer) error {
	start := time.Now()
	path, err := serverPath()
	if err != nil {
		return err
	}
	s, err := simulate.Preset(d.preset)
	if err != nil {
		return err
	}
	state, err := openDemo(d.dir, d.preset)
	if err != nil {
		return err
	}
	served := filepath.Join(d.dir, "s3")
	if survey := filepath.Join(served, "euclid", "q1"); state.Simulated {
		fmt.Fprintf(w, "1. the survey %q is in %s already\n", d.preset, survey)
	} else {
		fmt.Fprintf(w, "1. simulate the survey %q\n", d.preset)
		if err := runSimulation(ctx, w, s, survey); err != nil {
			return err
		}
		state.Simulated = true
	}
	if err := os.MkdirAll(filepath.Join(served, "products"), 0o777); err != nil {
		return err
	}
	server, err := serveChild(ctx, path, served, filepath.Join(d.dir, "server.log"), state.address())
	if err != nil {
		return err
	}
	defer server.stop()
	fmt.Fprintf(w, "2. serve it over S3 at %s\n", server.endpoint)

	config := filepath.Join(d.dir, "constellation.yaml")
	if err := os.WriteFile(config, []byte(demoConfig(s, d.dir, server.endpoint)), 0o666); err != nil {
		return err
	}
	if state.Endpoint != server.endpoint {
		state.Endpoint, state.Unfinished = server.endpoint, "" // sources at another address are other inputs
	}
	if state.Unfinished != "" {
		fmt.Fprintf(w, "3. go on with the run of shear_pipeline that was not finished, with %s\n", config)
	} else {
		fmt.Fprintf(w, "3. run shear_pipeline with %s\n", config)
		state.Unfinished = newRunID(s.Field)
	}
	if err := state.save(d.dir); err != nil {
		return err
	}
	for key, value := range map[string]string{ // whatever the user's own are
		"AWS_ACCESS_KEY_ID": demoKey, "AWS_SECRET_ACCESS_KEY": demoKey, "AWS_SESSION_TOKEN": "",
		"AWS_ENDPOINT_URL": server.endpoint, "AWS_ENDPOINT_URL_S3": server.endpoint, "AWS_REGION": "us-east-1",
	} {
		if err := os.Setenv(key, value); err != nil { // for this process's outputs and for every task's
			return err
		}
	}
	e := &execution{launch: launch{config: config, runID: state.Unfinished, assembles: true}, metadata: filepath.Join(d.dir, "flyte"), cache: d.cache, again: d.again}
	var out workflows.ShearOut
	settings, err := runHere(ctx, e, w, workflows.Shear, &out)
	if err != nil {
		return err
	}
	state.Unfinished = ""
	if err := state.save(d.dir); err != nil {
		return err
	}
	if err := conclude(ctx, w, settings, out); err != nil {
		return err
	}
	if err := compare(ctx, w, settings, s); err != nil {
		return err
	}
	fmt.Fprintf(w, "\ndone in %s. The sub-tile directories are files below %s,\nthe reports of the tasks are deck.html files below %s.\n",
		round(time.Since(start)), filepath.Join(served, "products"), e.metadata)
	return nil
}

// demoConfig completes the survey's own configuration.
func demoConfig(s simulate.Survey, dir, endpoint string) string {
	return s.ConfigYAML("s3://euclid/q1") + fmt.Sprintf(`  s3_endpoint_url: %s
  s3_no_sign_request: true
output:
  storage_base_uri: s3://products
  catalog_warehouse: %s
engine: reference # measures on the CPU, in seconds
inference: # SHINE's own sections: passed on as they are
  method: map
  map_config: {num_steps: 200, learning_rate: 0.01}
`, quoted(endpoint), quoted(filepath.Join(dir, "warehouse")))
}

// server is an S3 server in a process of its own: it changes its working
// directory, and there can be one in a process.
type server struct {
	endpoint string
	cmd      *exec.Cmd
}

func serveChild(ctx context.Context, path, dir, log, address string) (*server, error) {
	stderr, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer stderr.Close()
	ctx = context.WithoutCancel(ctx) // the server must outlive the tasks: stop ends it
	cmd := exec.CommandContext(ctx, path, dir, "--addr", address, "--anonymous", "--access-key", demoKey, "--secret-key", demoKey)
	cmd.Stderr = stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C goes to us
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the S3 server: %w", err)
	}
	s := &server{cmd: cmd}
	lines := bufio.NewScanner(stdout) // the gateway has a word to say before its address
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "http") {
			s.endpoint = lines.Text()
			return s, nil
		}
	}
	s.stop()
	return nil, fmt.Errorf("the S3 server did not start at %s: see %s", address, log)
}

// stop ends the server; how it ends no longer matters.
func (s *server) stop() {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		fmt.Fprintln(os.Stderr, "stop the S3 server:", err)
	}
	if err := s.cmd.Wait(); err != nil && s.cmd.ProcessState == nil {
		fmt.Fprintln(os.Stderr, "stop the S3 server:", err)
	}
}
