package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
)

// demoFile marks a demo's directory, and says how far it came.
const demoFile = "demo.json"

// demoState is what one demo leaves to the next in its directory.
type demoState struct {
	Preset     string `json:"preset"`
	Simulated  bool   `json:"simulated"`            // the survey is complete
	Endpoint   string `json:"endpoint,omitempty"`   // of the S3 server: cached results are those of this address
	Unfinished string `json:"unfinished,omitempty"` // the run to resume
}

// openDemo makes a demo's directory, or finds an earlier demo's. It refuses one
// with anything else in it: nothing of somebody else's is written over.
func openDemo(dir, preset string) (*demoState, error) {
	s := &demoState{Preset: preset}
	text, err := os.ReadFile(filepath.Join(dir, demoFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fault.Input("DirectoryUnusable", "%w", err).Fix("give another --dir")
		}
		if len(entries) > 0 {
			return nil, fault.Input("DirectoryTaken", "the directory is not empty, and not an earlier demo's").On(dir).Fix("give another --dir, or empty it")
		}
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return nil, fault.Input("DirectoryUnusable", "%w", err).Fix("give another --dir")
		}
		return s, s.save(dir)
	case err != nil:
		return nil, err
	}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, fault.Data("DemoInvalid", "%w", err).On(filepath.Join(dir, demoFile)).Fix("remove %s", dir)
	}
	if s.Preset != preset {
		return nil, fault.Input("DirectoryTaken", "the directory holds a demo of the preset %q", s.Preset).On(dir).Fix("give --preset %s, or another --dir", s.Preset)
	}
	return s, nil
}

// save puts the state in the place of the earlier one, whole.
func (s *demoState) save(dir string) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, demoFile)
	if err := os.WriteFile(path+".new", append(text, '\n'), 0o666); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// address is where the server is to listen: as before if nobody else does, else
// at a free port.
func (s *demoState) address() string {
	const free = "127.0.0.1:0"
	before := strings.TrimPrefix(s.Endpoint, "http://")
	if before == "" {
		return free
	}
	l, err := net.Listen("tcp", before)
	if err != nil {
		return free
	}
	l.Close()
	return before
}
