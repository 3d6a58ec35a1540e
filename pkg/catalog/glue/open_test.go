package glue

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/cosmostat/constellation/pkg/objstore"
)

// Where Glue is, and in which region, is what the environment or a profile says of
// it, not what they say of S3.
func TestEnvironment(t *testing.T) {
	profile := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(profile, []byte("[default]\nregion = eu-north-1\n\n[profile other]\nendpoint_url = http://other\nservices = apart\n\n[profile plain]\nendpoint_url = http://other\n\n[services apart]\ns3 =\n  endpoint_url = http://s3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		env              map[string]string
		region, endpoint string
	}{
		"none":                    {},
		"a region":                {env: map[string]string{"AWS_REGION": "eu-west-3"}, region: "eu-west-3"},
		"the default one":         {env: map[string]string{"AWS_DEFAULT_REGION": "eu-west-2"}, region: "eu-west-2"},
		"S3's address":            {env: map[string]string{"AWS_ENDPOINT_URL_S3": "http://s3"}},
		"Flyte's address":         {env: map[string]string{"FLYTE_AWS_ENDPOINT": "http://minio"}},
		"an address":              {env: map[string]string{"AWS_ENDPOINT_URL": "http://all"}, endpoint: "http://all"},
		"both":                    {env: map[string]string{"AWS_ENDPOINT_URL": "http://all", "AWS_ENDPOINT_URL_S3": "http://s3"}, endpoint: "http://all"},
		"Glue's address":          {env: map[string]string{"AWS_ENDPOINT_URL": "http://all", "AWS_ENDPOINT_URL_GLUE": "http://glue"}, endpoint: "http://glue"},
		"a profile's":             {env: map[string]string{"AWS_CONFIG_FILE": profile}, region: "eu-north-1"},
		"another's":               {env: map[string]string{"AWS_CONFIG_FILE": profile, "AWS_PROFILE": "plain", "AWS_ENDPOINT_URL_S3": "http://s3"}, endpoint: "http://other"},
		"a profile's, S3's apart": {env: map[string]string{"AWS_CONFIG_FILE": profile, "AWS_PROFILE": "other"}, endpoint: "http://other"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, key := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_GLUE", "FLYTE_AWS_ENDPOINT"} {
				t.Setenv(key, "")
				os.Unsetenv(key)
			}
			t.Setenv("AWS_CONFIG_FILE", os.DevNull)
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
			for key, value := range c.env {
				t.Setenv(key, value)
			}
			cfg, err := objstore.AWS(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got, at := region(cfg), aws.ToString(endpoint(cfg)); got != c.region || at != c.endpoint {
				t.Errorf("region %q, endpoint %q; want %q, %q", got, at, c.region, c.endpoint)
			}
		})
	}
}
