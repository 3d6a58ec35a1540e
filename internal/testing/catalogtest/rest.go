package catalogtest

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// REST starts Apache Iceberg's own REST catalogue server, of its compatibility
// kit, on a warehouse directory, and gives its URI. The server is Java; its jars
// are those that pom.xml beside this file lists:
//
//	mvn -q -f internal/testing/catalogtest/pom.xml dependency:copy-dependencies -DoutputDirectory=$DIR
//
// with CONSTELLATION_ICEBERG_REST=$DIR. Without it the test is skipped, aloud.
func REST(t testing.TB, warehouse string) string {
	t.Helper()
	jars := os.Getenv("CONSTELLATION_ICEBERG_REST")
	if jars == "" {
		t.Skip("SKIPPED: nothing was run on a REST catalogue; set CONSTELLATION_ICEBERG_REST to a directory with the server's jars (see internal/testing/catalogtest/rest.go)")
	}
	port := freePort(t)
	var log strings.Builder
	server := exec.Command("java", "-Xmx512m", "-cp", filepath.Join(jars, "*"), "org.apache.iceberg.rest.RESTCatalogServer")
	server.Env = append(os.Environ(),
		"CATALOG_REST_PORT="+port, "CATALOG_WAREHOUSE=file://"+warehouse,
		"CATALOG_URI=jdbc:sqlite:"+filepath.Join(t.TempDir(), "rest.db"),
		"CATALOG_CLIENTS=1", // SQLite takes one writer at a time
	)
	server.Stdout, server.Stderr = &log, &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Process.Kill()
		server.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	uri := "http://127.0.0.1:" + port
	err := await(t.Context(), func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, uri+"/v1/config", nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("it answers %s", resp.Status)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("the REST catalogue doesn't come up: %v", err)
	}
	return uri
}
