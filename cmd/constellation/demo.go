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
	var dir, preset string
	c := &cobra.Command{
		Use:   "demo",
		Short: "Simulate a survey, serve it over S3, run the whole pipeline on it",
		Long: `Demo simulates a small survey, serves it by an S3 server on loopback, runs the whole
pipeline on it from s3:// URIs, and ends with a validated Iceberg shear catalogue.
It stays inside one directory and can be run again.`,
		Example: `  constellation demo
  constellation demo --preset tiny --dir /tmp/demo`,
		Args: cobra.NoArgs,
	}
	c.Flags().StringVar(&dir, "dir", "demo", "directory for everything that the demo writes")
	c.Flags().StringVar(&preset, "preset", "demo", "survey to simulate: tiny or demo")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return demo(c.Context(), c.OutOrStdout(), absolutePath(dir), preset)
	}
	return c
}

func demo(ctx context.Context, w io.Writer, dir, preset string) error {
	start := time.Now()
	s, err := simulate.Preset(preset)
	if err != nil {
		return err
	}
	served := filepath.Join(dir, "s3")
	fmt.Fprintf(w, "1. simulate the survey %q\n", preset)
	if err := runSimulation(ctx, w, s, filepath.Join(served, "euclid", "q1")); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(served, "products"), 0o777); err != nil {
		return err
	}
	server, err := serveChild(ctx, served, filepath.Join(dir, "server.log"))
	if err != nil {
		return err
	}
	defer server.stop()
	fmt.Fprintf(w, "2. serve it over S3 at %s\n", server.endpoint)

	config := filepath.Join(dir, "constellation.yaml")
	if err := os.WriteFile(config, []byte(demoConfig(s, dir, server.endpoint)), 0o666); err != nil {
		return err
	}
	fmt.Fprintf(w, "3. run shear_pipeline with %s\n", config)
	for key, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": demoKey, "AWS_SECRET_ACCESS_KEY": demoKey, "AWS_ENDPOINT_URL": server.endpoint, "AWS_REGION": "us-east-1",
	} {
		if err := os.Setenv(key, value); err != nil { // for this process's outputs and for every task's
			return err
		}
	}
	e := &execution{launch: launch{config: config, assembles: true}, metadata: filepath.Join(dir, "flyte")}
	var out workflows.ShearOut
	if err := execute(ctx, e, w, workflows.Shear, &out); err != nil {
		return err
	}
	if err := e.conclude(ctx, w, out); err != nil {
		return err
	}
	if err := e.compare(ctx, w, s); err != nil {
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

func serveChild(ctx context.Context, dir, log string) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	stderr, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer stderr.Close()
	ctx = context.WithoutCancel(ctx) // the server must outlive the tasks: stop ends it
	cmd := exec.CommandContext(ctx, self, "serve", dir, "--anonymous", "--access-key", demoKey, "--secret-key", demoKey)
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
	return nil, fmt.Errorf("the S3 server did not start: see %s", log)
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
