package catalog_test

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/gluetest"
	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/settings"
)

// TestGlue keeps tables in a bucket and what points at them in AWS Glue, each at an
// address of its own; PyIceberg finds the rows by Glue.
func TestGlue(t *testing.T) {
	store := s3test.Start(t)
	store.Setenv(t)
	store.Bucket(t, "warehouse")
	server := gluetest.Start(t)
	t.Setenv("AWS_REGION", "us-east-1") // the bucket's
	s := settings.Catalog{Warehouse: "s3://warehouse/euclid", URI: "glue://" + server.Region, Namespace: "shear", Table: "edff_shear"}
	c, err := catalog.Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	replacement(t, c)
	if err := usable(t, s); err != nil {
		t.Error(err)
	}
	if found, _ := filepath.Glob(filepath.Join(store.Dir, "warehouse/euclid/shear/edff_shear/metadata/*")); len(found) == 0 {
		t.Error("no metadata in the bucket")
	}
	const program = `
import sys
from pyiceberg.catalog import load_catalog
c = load_catalog("constellation", **{"type": "glue", "glue.endpoint": sys.argv[1], "glue.region": sys.argv[2], "s3.endpoint": sys.argv[3], "s3.region": "us-east-1"})
print(len(c.load_table("shear.edff_shear").scan().to_arrow()), len(c.load_table("shear.edff_shear_sources").scan().to_arrow()))
`
	cmd := exec.Command(os.Getenv("CONSTELLATION_PYTHON"), "-c", program, server.URL, server.Region, store.Endpoint)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(kv string) bool { return kv == "AWS_PROFILE=" }) // boto looks for one without a name
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	rep := validate(t, c, plan(8), settings.Thresholds{MinCompleteness: 1})
	if err != nil || string(bytes.TrimSpace(out)) != "12 60" || !rep.OK {
		t.Errorf("PyIceberg: %v, %s; %+v", err, out, rep)
	}
}

// TestUsableGlue: what credentials may not do is told before anything else is done,
// and by a commit, too; and what may be is left as it was.
func TestUsableGlue(t *testing.T) {
	server := gluetest.Start(t)
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	s := settings.Catalog{Warehouse: t.TempDir(), URI: "glue://" + server.Region, Namespace: "shear", Table: "edff_shear"}
	denied := func(calls ...string) {
		server.Before(func(op string, _ []byte) *gluetest.Refusal {
			if slices.Contains(calls, op) {
				return &gluetest.Refusal{Status: http.StatusBadRequest, Type: "AccessDeniedException", Says: "User: arn:aws:iam::123456789012:user/x is not authorized to perform: glue:" + op}
			}
			return nil
		})
	}
	refused := func(what string, err error, parts ...string) {
		t.Helper()
		if fault.CodeOf(err) != catalog.CodeSettings || fault.KindOf(err) != fault.BadInput {
			t.Errorf("%s: %v", what, err)
			return
		}
		for _, part := range append(parts, s.URI) {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q isn't in it: %v", what, part, err)
			}
		}
	}
	try := func() error {
		c, err := catalog.Open(t.Context(), s)
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.Commit(t.Context(), batch("r", "c", 7, 4, 0.1))
		return err
	}
	if err := usable(t, s); err != nil {
		t.Error("nothing there:", err)
	}
	if n := server.Calls("CreateDatabase") + server.Calls("CreateTable"); n != 0 {
		t.Error("the check makes something")
	}
	denied("GetTable")
	refused("who may not look", usable(t, s), "glue:GetTable", "shear.edff_shear")
	denied("CreateDatabase")
	refused("who may make no database", try(), "glue:CreateDatabase", "have database shear made")
	denied("CreateTable")
	refused("who may make no table", try(), "glue:CreateTable", "table shear.edff_shear")
	denied()
	if err := try(); err != nil {
		t.Fatal(err)
	}
	if err := usable(t, s); err != nil {
		t.Error("all there:", err)
	}
	denied("CreateDatabase", "GetDatabase", "CreateTable")
	if err := usable(t, s); err != nil {
		t.Error("who may make nothing, and needs to make nothing:", err)
	}
	denied("UpdateTable")
	refused("who may not commit", usable(t, s), "glue:UpdateTable", "shear.edff_shear")
	denied()
	server.LaxVersions = true
	refused("without the lock", usable(t, s), "keep Glue's lock")
}
