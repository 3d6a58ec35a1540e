package objstore_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/internal/testing/storetest"
	"github.com/cosmostat/constellation/pkg/objstore"
)

func TestMain(m *testing.M) { os.Exit(s3test.Main(m)) }

func TestMemory(t *testing.T) { storetest.Run(t, objstore.NewMemory(), "mem://bucket") }

func TestFileURI(t *testing.T) {
	storetest.Run(t, objstore.Open(t.Context(), objstore.Config{}), "file://"+t.TempDir())
}

func TestPath(t *testing.T) {
	storetest.Run(t, objstore.Open(t.Context(), objstore.Config{}), filepath.Join(t.TempDir(), "made/on demand"))
}

func TestRelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	storetest.Run(t, objstore.Open(t.Context(), objstore.Config{}), "below/here")
}

func TestS3(t *testing.T) {
	server := s3test.Start(t)
	server.Setenv(t)
	server.Bucket(t, "bucket")
	storetest.Run(t, objstore.Open(t.Context(), objstore.Config{}), "s3://bucket/some/where")
}
