package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// absolutePath makes a plain path absolute. URIs and nothing stay what they
// are, and so do mistyped ones (s3:/x), which are refused later.
func absolutePath(path string) string {
	head, _, uri := strings.Cut(path, ":/")
	if path == "" || uri && !strings.Contains(head, "/") {
		return path
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return path // only where the working directory is gone, and then the next use of the path says so
	}
	if strings.HasSuffix(path, "/") {
		abs += "/"
	}
	return abs
}

// quoted writes a string as YAML.
func quoted(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Sprintf("%q", s)
	}
	return string(text)
}

// programs is the directory of the stages' executables: this command's own.
func programs() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this command's own directory: %w", err)
	}
	if self, err = filepath.EvalSymlinks(self); err != nil {
		return "", err
	}
	return filepath.Dir(self), nil
}

// stateDir is where executions are kept that nobody gave a place to.
func stateDir() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "constellation"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find a place for executions (give --metadata): %w", err)
	}
	return filepath.Join(home, ".local", "state", "constellation"), nil
}
