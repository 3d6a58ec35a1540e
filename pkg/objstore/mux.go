package objstore

import (
	"context"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/settings"
)

// Config says how S3 is reached. The zero value is the standard AWS
// environment: AWS_REGION, AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_S3, the chain of
// credentials, AWS_CA_BUNDLE, AWS_MAX_ATTEMPTS and so on. Where that names no
// endpoint or credentials, FLYTE_AWS_ENDPOINT, FLYTE_AWS_ACCESS_KEY_ID and
// FLYTE_AWS_SECRET_ACCESS_KEY are used, which Flyte puts into its pods.
// CONSTELLATION_STALL_TIME is how long a connection may be silent (30s), and
// CONSTELLATION_S3_ADDRESSING is Addressing where that is empty.
type Config struct {
	Region     string // where empty: the environment's, else us-east-1
	Endpoint   string // of any S3-compatible server; where empty: the environment's, else AWS
	Anonymous  bool   // send unsigned requests, as public buckets want them
	Addressing settings.Addressing
	// Sources: this is where somebody else's files are, and not where the outputs
	// go that the environment describes. Without an Endpoint that is AWS.
	Sources bool
}

// Mux is the store that takes every URI this package knows, s3://bucket/key,
// file:///path, plain paths, and for reading https://host/path and http:// on
// this machine, to where it belongs.
type Mux struct {
	meter *meter
	files *fileStore
	s3    *s3Store
	web   *webStore
}

var _ Store = (*Mux)(nil)

// Open makes a store. It is cheap and touches nothing: S3 is set up at the
// first s3:// URI, under ctx, since the client outlives the call that needs it.
func Open(ctx context.Context, cfg Config) *Mux {
	m := new(meter)
	return &Mux{meter: m, files: &fileStore{meter: m}, s3: newS3Store(ctx, cfg, m), web: newWebStore(m)}
}

// InClass is a store whose new objects are of a storage class, such as
// STANDARD_IA, where they go to S3; "" leaves the choice to the bucket. It
// shares everything with s: connections, usage. Stores that know no
// classes are returned as they are.
func InClass(s Store, class string) Store {
	m, ok := s.(*Mux)
	if !ok || class == "" {
		return s
	}
	far := *m.s3
	far.class = types.StorageClass(class)
	return &Mux{meter: m.meter, files: m.files, s3: &far, web: m.web}
}

// Usage is what was moved so far, by all schemes together.
func (m *Mux) Usage() Usage { return m.meter.usage() }

func (m *Mux) store(uri string) (Store, error) {
	scheme, _, ok := strings.Cut(uri, "://")
	switch {
	case uri == "":
		return nil, fault.Input(InvalidURI, "the URI is empty").Fix("give an s3:// or file:// URI or a path")
	case !ok, scheme == "file":
		return m.files, nil
	case scheme == "s3":
		return m.s3, nil
	case scheme == "https", scheme == "http":
		return m.web, nil
	}
	return nil, fault.Input(InvalidURI, "no store for %s:// URIs", scheme).On(uri).Fix("give an s3://, https:// or file:// URI or a path")
}

func (m *Mux) Stat(ctx context.Context, uri string) (Info, error) {
	s, err := m.store(uri)
	if err != nil {
		return Info{}, err
	}
	return s.Stat(ctx, uri)
}

func (m *Mux) Get(ctx context.Context, uri, etag string, r Range) (io.ReadCloser, error) {
	s, err := m.store(uri)
	if err != nil {
		return nil, err
	}
	return s.Get(ctx, uri, etag, r)
}

func (m *Mux) List(ctx context.Context, prefix string, visit func(Info) error) error {
	s, err := m.store(prefix)
	if err != nil {
		return err
	}
	return s.List(ctx, prefix, visit)
}

// ListNames is List where sizes come with the names; of files of web servers it gives the URI alone.
func (m *Mux) ListNames(ctx context.Context, prefix string, visit func(Info) error) error {
	s, err := m.store(prefix)
	if err != nil {
		return err
	}
	return ListNames(ctx, s, prefix, visit)
}

func (m *Mux) Create(ctx context.Context, uri string) (Upload, error) {
	s, err := m.store(uri)
	if err != nil {
		return nil, err
	}
	return s.Create(ctx, uri)
}

func (m *Mux) Delete(ctx context.Context, uri string) error {
	s, err := m.store(uri)
	if err != nil {
		return err
	}
	return s.Delete(ctx, uri)
}
