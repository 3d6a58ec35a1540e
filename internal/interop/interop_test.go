package interop

import (
	"bytes"
	"io"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"github.com/flyteorg/flyte/flytestdlib/config"
	"github.com/flyteorg/flyte/flytestdlib/contextutils"
	"github.com/flyteorg/flyte/flytestdlib/promutils"
	"github.com/flyteorg/flyte/flytestdlib/promutils/labeled"
	"github.com/flyteorg/flyte/flytestdlib/storage"
	"google.golang.org/protobuf/proto"

	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/objstore"
)

func TestMain(m *testing.M) {
	labeled.SetMetricKeys(contextutils.ProjectKey)     // once a process, or flytestdlib panics
	storage.GetConfig().Limits.GetLimitMegabytes = 100 // read from here, not from a store's own configuration; the default is 2
	os.Exit(s3test.Main(m))
}

const bucket = "flyte"

// engine is a store as the engine configures it.
func engine(t *testing.T, server *s3test.Server, kind string) *storage.DataStore {
	endpoint, err := url.Parse(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	cfg := &storage.Config{InitContainer: bucket, MultiContainerEnabled: true}
	switch kind {
	case "s3":
		cfg.Type = storage.TypeS3
		//lint:ignore SA1019 it is the setting that clusters have, which this holds to
		cfg.Connection = storage.ConnectionConfig{
			Endpoint: config.URL{URL: *endpoint}, AuthType: "accesskey", Region: "us-east-1",
			AccessKey: server.AccessKey, SecretKey: server.SecretKey, DisableSSL: true,
		}
	case "stow":
		cfg.Type = storage.TypeStow
		cfg.Stow = storage.StowConfig{Kind: "s3", Config: map[string]string{
			"auth_type": "accesskey", "access_key_id": server.AccessKey, "secret_key": server.SecretKey,
			"region": "us-east-1", "endpoint": server.Endpoint, "disable_ssl": "true",
		}}
	}
	// The scope names Prometheus families, which a process may have once only.
	scope := promutils.NewScope("interop_" + strings.ToLower(strings.NewReplacer("/", "_", "#", "_").Replace(t.Name())))
	s, err := storage.NewDataStore(cfg, scope)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func text(s string) *core.Literal {
	return &core.Literal{Value: &core.Literal_Scalar{Scalar: &core.Scalar{Value: &core.Scalar_Primitive{
		Primitive: &core.Primitive{Value: &core.Primitive_StringValue{StringValue: s}},
	}}}}
}

func TestS3(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, bucket)
	server.Setenv(t)
	ours := objstore.Open(t.Context(), objstore.Config{})
	literals := &core.LiteralMap{Literals: map[string]*core.Literal{"config_yaml": text("field_name: EDFS\n"), "empty": text("")}}
	// Large enough for several parts.
	large := &core.LiteralMap{Literals: map[string]*core.Literal{"large": text(strings.Repeat("constellation ", 1_500_000))}}

	for _, kind := range []string{"s3", "stow"} {
		t.Run(kind, func(t *testing.T) {
			theirs := engine(t, server, kind)
			for name, want := range map[string]*core.LiteralMap{"inputs.pb": literals, "large.pb": large, "empty.pb": {}} {
				exchange(t, ours, theirs, objstore.Join("s3://"+bucket, "metadata", kind, name), want)
			}
		})
	}
}

// exchange sends a message from each store to the other.
func exchange(t *testing.T, ours *objstore.Mux, theirs *storage.DataStore, uri string, want *core.LiteralMap) {
	ctx := t.Context()
	data, err := proto.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}

	if _, err := objstore.WriteFile(ctx, ours, uri, data); err != nil {
		t.Fatal(err)
	}
	got := new(core.LiteralMap)
	if err := theirs.ReadProtobuf(ctx, storage.DataReference(uri), got); err != nil || !proto.Equal(got, want) {
		t.Errorf("%s that we wrote: %v, or another message", uri, err)
	}
	if head, err := theirs.Head(ctx, storage.DataReference(uri)); err != nil || !head.Exists() || head.Size() != int64(len(data)) {
		t.Errorf("%s that we wrote: their Head says %+v, %v", uri, head, err)
	}

	back := strings.Replace(uri, "/metadata/", "/returned/", 1)
	if err := theirs.WriteProtobuf(ctx, storage.DataReference(back), storage.Options{}, want); err != nil {
		t.Fatal(err)
	}
	read, err := objstore.ReadFile(ctx, ours, back)
	if err != nil {
		t.Fatal(err)
	}
	got = new(core.LiteralMap)
	if err := proto.Unmarshal(read, got); err != nil || !proto.Equal(got, want) {
		t.Errorf("%s that they wrote: %v, or another message", back, err)
	}
	if info, err := ours.Stat(ctx, back); err != nil || info.Size != int64(len(read)) || info.ETag == "" {
		t.Errorf("%s that they wrote: Stat says %+v, %v", back, info, err)
	}
}

// A missing object has to be one for both, or the engine takes a task without
// error.pb for a broken one.
func TestMissing(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, bucket)
	theirs := engine(t, server, "s3")
	const uri = "s3://" + bucket + "/metadata/error.pb"
	if head, err := theirs.Head(t.Context(), uri); err != nil || head.Exists() {
		t.Errorf("their Head of what isn't there: %+v, %v", head, err)
	}
	if err := theirs.ReadProtobuf(t.Context(), uri, new(core.ErrorDocument)); !storage.IsNotFound(err) {
		t.Errorf("their read of what isn't there: %v", err)
	}
}

// A blob of several parts comes through byte for byte.
func TestRaw(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, bucket)
	server.Setenv(t)
	ours := objstore.Open(t.Context(), objstore.Config{})
	want := bytes.Repeat([]byte("constellation\n"), 1_500_000)
	const uri = "s3://" + bucket + "/raw/blob"
	if _, err := objstore.WriteFile(t.Context(), ours, uri, want); err != nil {
		t.Fatal(err)
	}
	body, err := engine(t, server, "s3").ReadRaw(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if got, err := io.ReadAll(body); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v, or other ones", len(got), err)
	}
}
