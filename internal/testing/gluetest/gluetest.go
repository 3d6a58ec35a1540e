// Package gluetest gives tests AWS Glue: moto's, behind what refuses an update of
// a stale version as Glue itself does, which moto takes.
package gluetest

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/child"
)

//go:embed moto.py
var program string

// moto is one process for all tests of an executable, since Python takes seconds to start.
var moto = sync.OnceValues(func() (endpoint string, err error) {
	cmd := exec.Command(os.Getenv("CONSTELLATION_PYTHON"), "-c", program)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "AWS_") }) // of the test that comes first
	return child.Start(cmd)
})

// Server is an empty Data Catalog of AWS Glue.
type Server struct {
	URL, Region string
	moto        string
	versions    sync.Mutex // is held while one is compared and replaced

	mu     sync.Mutex
	before func(op string, body []byte) *Refusal
	lost   int
	calls  map[string]int

	LaxVersions bool // takes stale versions, as moto does
}

// Refusal is what a call is answered in place of what it asked for.
type Refusal struct {
	Status     int
	Type, Says string
}

var regions atomic.Int64

// Start is [New] with the environment in which AWS is there, for this process.
func Start(t testing.TB) *Server {
	t.Helper()
	s := New(t)
	for key, value := range map[string]string{
		"AWS_ENDPOINT_URL_GLUE": s.URL, "AWS_ACCESS_KEY_ID": "AKIACONSTELLATION", "AWS_SECRET_ACCESS_KEY": "constellation-test-secret", "AWS_SESSION_TOKEN": "",
		"AWS_REGION": "", "AWS_DEFAULT_REGION": "", "AWS_PROFILE": "", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(key, value)
		if value == "" { // boto looks for a profile without a name
			os.Unsetenv(key)
		}
	}
	return s
}

// New gives a test a catalogue of its own until it ends, which is there for who has
// AWS_ENDPOINT_URL_GLUE set to its URL. Without CONSTELLATION_PYTHON, a Python that has moto, the
// test is skipped, aloud.
func New(t testing.TB) *Server {
	t.Helper()
	const skip = "SKIPPED: nothing was run on AWS Glue; set CONSTELLATION_PYTHON to a Python that has moto (deploy/test-requirements.txt)"
	python := os.Getenv("CONSTELLATION_PYTHON")
	if python == "" {
		t.Skip(skip)
	}
	if err := exec.Command(python, "-c", "import importlib.util as u, sys; sys.exit(not (u.find_spec('moto') and u.find_spec('flask_cors')))").Run(); err != nil {
		t.Skip(skip)
	}
	endpoint, err := moto()
	if err != nil {
		t.Fatalf("moto doesn't start: %v", err)
	}
	s := &Server{moto: endpoint, Region: fmt.Sprintf("eu-test-%d", regions.Add(1)), calls: map[string]int{}}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	s.URL = h.URL
	return s
}

// Before is asked before each call, by its name such as UpdateTable, from now on.
func (s *Server) Before(ask func(op string, body []byte) *Refusal) {
	s.mu.Lock()
	s.before = ask
	s.mu.Unlock()
}

// Lose makes the next n updates and creations of tables happen, and nobody hear of it.
func (s *Server) Lose(n int) {
	s.mu.Lock()
	s.lost = n
	s.mu.Unlock()
}

// Calls says how often a call was made.
func (s *Server) Calls(op string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[op]
}

// note counts a call, and says what it is answered before anybody looks at it.
func (s *Server) note(op string, body []byte) (r *Refusal, lose bool) {
	s.mu.Lock()
	s.calls[op]++
	before := s.before
	if s.lost > 0 && (op == "UpdateTable" || op == "CreateTable") {
		s.lost--
		lose = true
	}
	s.mu.Unlock()
	if before != nil {
		r = before(op, body)
	}
	return r, lose
}

// ServeHTTP answers a call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	op := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AWSGlue.")
	refusal, lose := s.note(op, body)
	if refusal == nil && op == "UpdateTable" {
		s.versions.Lock()
		defer s.versions.Unlock()
		refusal = s.stale(r, body)
	}
	if refusal != nil {
		refusal.write(w)
		return
	}
	status, answer, err := s.ask(r, op, body)
	if err != nil {
		status, answer = http.StatusBadGateway, []byte(err.Error())
	}
	if lose {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	w.Write(answer)
}

func (r *Refusal) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(r.Status)
	json.NewEncoder(w).Encode(map[string]string{"__type": r.Type, "Message": r.Says})
}

// stale refuses an update that was built on another version than the present one.
func (s *Server) stale(r *http.Request, body []byte) *Refusal {
	var asked struct {
		DatabaseName, VersionId string
		TableInput              struct{ Name string }
	}
	if err := json.Unmarshal(body, &asked); err != nil {
		return &Refusal{http.StatusBadRequest, "InvalidInputException", err.Error()}
	}
	get, _ := json.Marshal(map[string]string{"DatabaseName": asked.DatabaseName, "Name": asked.TableInput.Name})
	status, answer, err := s.ask(r, "GetTable", get)
	if s.LaxVersions || err != nil || status != http.StatusOK {
		return nil // moto says why
	}
	var now struct{ Table struct{ VersionId string } }
	if err := json.Unmarshal(answer, &now); err != nil || asked.VersionId == "" || now.Table.VersionId == asked.VersionId {
		return nil
	}
	return &Refusal{http.StatusBadRequest, "ConcurrentModificationException", "Update table failed due to concurrent modifications."}
}

// ask hands a call to moto.
func (s *Server) ask(r *http.Request, op string, body []byte) (status int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, s.moto+"/", bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header = r.Header.Clone()
	req.Header.Set("X-Amz-Target", "AWSGlue."+op)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}
