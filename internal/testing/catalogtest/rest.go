package catalogtest

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/child"
)

//go:embed rest.sh
var restProgram string

// restServer is one for all tests of an executable, since Java takes a while to
// start. Log is the file of what it says.
var restServer = sync.OnceValues(func() (s struct{ uri, log string }, err error) {
	dir, err := os.MkdirTemp("", "rest") // of this process, not of a test; a kilobyte stays
	if err != nil {
		return s, err
	}
	s.log = filepath.Join(dir, "log")
	cmd := exec.Command("sh", "-c", restProgram, "rest.sh", "serve", os.Getenv("CONSTELLATION_ICEBERG_REST"))
	cmd.Env = append(os.Environ(), "REST_LOG="+s.log)
	s.uri, err = child.Start(cmd)
	return s, err
})

// REST gives the URI of Apache Iceberg's own REST catalogue server, of its
// compatibility kit, and empties it when the test ends. It is Java; rest.sh beside
// this file fetches its jars and starts it, which `make test` does. Without
// CONSTELLATION_ICEBERG_REST, the jars' directory, the test is skipped, aloud.
func REST(t testing.TB, _ string) string {
	t.Helper()
	if os.Getenv("CONSTELLATION_ICEBERG_REST") == "" {
		t.Skip("SKIPPED: nothing was run on a REST catalogue; set CONSTELLATION_ICEBERG_REST to a directory with the server's jars (internal/testing/catalogtest/rest.sh fetch DIRECTORY)")
	}
	s, err := restServer()
	if err != nil {
		t.Fatalf("the REST catalogue doesn't come up: %v", err)
	}
	t.Cleanup(func() {
		if log, err := os.ReadFile(s.log); t.Failed() && err == nil {
			t.Logf("the REST catalogue's last words:\n%s", log[max(0, len(log)-20_000):])
		}
		if err := emptied(context.Background(), s.uri+"/v1/namespaces"); err != nil {
			t.Errorf("empty the REST catalogue: %v", err)
		}
	})
	return s.uri
}

// emptied drops the tables and the namespaces, and no file.
func emptied(ctx context.Context, uri string) error {
	var all struct {
		Namespaces [][]string
	}
	if err := call(ctx, http.MethodGet, uri, &all); err != nil {
		return err
	}
	for _, space := range all.Namespaces {
		at := uri + "/" + strings.Join(space, "%1F")
		var tables struct {
			Identifiers []struct{ Name string }
		}
		if err := call(ctx, http.MethodGet, at+"/tables", &tables); err != nil {
			return err
		}
		for _, table := range tables.Identifiers {
			if err := call(ctx, http.MethodDelete, at+"/tables/"+table.Name, nil); err != nil {
				return err
			}
		}
		if err := call(ctx, http.MethodDelete, at, nil); err != nil {
			return err
		}
	}
	return nil
}

func call(ctx context.Context, method, uri string, answer any) (err error) {
	req, err := http.NewRequestWithContext(ctx, method, uri, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s", method, uri, resp.Status)
	}
	if answer == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(answer)
}
