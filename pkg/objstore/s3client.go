package objstore

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/settings"
)

const (
	defaultRegion = "us-east-1"
	// maxAttempts per request, unless AWS_MAX_ATTEMPTS says otherwise: with the
	// delays of steadfast, ten seconds of patience with what breaks, half a minute
	// with throttling. The SDK's token bucket, shared by all requests, ends it
	// sooner in a lasting outage.
	maxAttempts = 8
	// idlePerHost keeps a connection for each of many parallel range reads;
	// the SDK's ten would open and close one for most of them.
	idlePerHost = 256
)

// newClient sets S3 up from the environment and what cfg adds to it.
func newClient(ctx context.Context, cfg Config, m *meter) (*s3.Client, error) {
	if err := checkEndpoint(cfg.Endpoint); err != nil {
		return nil, err
	}
	stall, err := patience()
	if err != nil {
		return nil, err
	}
	style, err := addressing(cfg)
	if err != nil {
		return nil, err
	}
	options := []func(*awsconfig.LoadOptions) error{
		awsconfig.WithLogger(logging.Nop{}), // what matters is in the errors
		awsconfig.WithRegion(cfg.Region),
		awsconfig.WithDefaultRegion(defaultRegion),
		awsconfig.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConns = 2 * idlePerHost
			t.MaxIdleConnsPerHost = idlePerHost
			t.DisableCompression = true
			watchWrites(t, stall)
		})),
	}
	if cfg.Anonymous {
		options = append(options, awsconfig.WithCredentialsProvider(aws.AnonymousCredentials{}))
	} else if p := flyteCredentials(); p != nil {
		options = append(options, awsconfig.WithCredentialsProvider(p))
	}
	sdk, err := awsconfig.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fault.Input(AccessDenied, "read the AWS configuration: %w", err).Fix("check the AWS_ environment variables and ~/.aws")
	}
	client := s3.NewFromConfig(sdk, func(o *s3.Options) {
		o.BaseEndpoint = endpointOf(cfg, o.BaseEndpoint)
		// Servers other than AWS seldom have a DNS name for each bucket.
		o.UsePathStyle = style == settings.PathStyle || style == settings.AutoStyle && o.BaseEndpoint != nil
		if o.RetryMaxAttempts == 0 {
			o.RetryMaxAttempts = maxAttempts
		}
		if r, ok := o.Retryer.(aws.RetryerV2); ok {
			o.Retryer = steadfast{r}
		}
		if !cfg.Anonymous {
			o.Credentials = explained{o.Credentials}
		}
		// Ranges carry no checksum, and most reads are ranges. Uploads are
		// checked by the server (CRC32, see s3Upload.sum).
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		o.HTTPClient = countedClient{patientClient{o.HTTPClient, stall}, m}
		o.APIOptions = append(o.APIOptions, awsmiddleware.AddUserAgentKey("constellation"))
	})
	if base := client.Options().BaseEndpoint; base != nil {
		return client, checkEndpoint(*base)
	}
	return client, nil
}

// endpointOf is the server that a store is on; nil is AWS. The environment's is
// where outputs go: sources have their own, or are on AWS.
func endpointOf(cfg Config, environment *string) *string {
	switch flyte := os.Getenv("FLYTE_AWS_ENDPOINT"); {
	case cfg.Endpoint != "":
		return &cfg.Endpoint
	case cfg.Sources:
		return nil
	case environment == nil && flyte != "":
		return &flyte
	}
	return environment
}

// AddressingEnv is how buckets of outputs are addressed.
const AddressingEnv = "CONSTELLATION_S3_ADDRESSING"

// OutputAddressing is how buckets of outputs are addressed, for libraries that
// speak to S3 themselves.
func OutputAddressing() (settings.Addressing, error) { return addressing(Config{}) }

// addressing is how a store's buckets are addressed.
func addressing(cfg Config) (settings.Addressing, error) {
	if cfg.Sources {
		return cmp.Or(cfg.Addressing, settings.AutoStyle), nil
	}
	style := cmp.Or(cfg.Addressing, settings.Addressing(os.Getenv(AddressingEnv)), settings.AutoStyle)
	if !settings.Known(style) {
		return "", fault.Input("EnvironmentInvalid", "%s=%q is no way to address buckets", AddressingEnv, string(style)).Fix("write %s, or leave it unset", settings.Choices[settings.Addressing]())
	}
	return style, nil
}

// AWS is the configuration of a store without settings of its own, for
// libraries that speak to S3 themselves.
func AWS(ctx context.Context) (aws.Config, error) {
	options := []func(*awsconfig.LoadOptions) error{awsconfig.WithDefaultRegion(defaultRegion)}
	if p := flyteCredentials(); p != nil {
		options = append(options, awsconfig.WithCredentialsProvider(p))
	}
	sdk, err := awsconfig.LoadDefaultConfig(ctx, options...)
	if endpoint := cmp.Or(os.Getenv("AWS_ENDPOINT_URL_S3"), os.Getenv("AWS_ENDPOINT_URL"), os.Getenv("FLYTE_AWS_ENDPOINT")); endpoint != "" {
		sdk.BaseEndpoint = &endpoint
	}
	return sdk, err
}

// checkEndpoint refuses what is no URL of a server, and one that holds a
// password, which would turn up in errors and logs.
func checkEndpoint(endpoint string) error {
	if endpoint == "" {
		return nil
	}
	u, err := url.Parse(endpoint)
	switch {
	case err != nil, u.Host == "", u.Scheme != "http" && u.Scheme != "https":
		return fault.Input(InvalidURI, "the S3 endpoint is not a URL of a server").Fix("write https://host or http://host:port")
	case u.User != nil:
		return fault.Input(InvalidURI, "the S3 endpoint holds a user name or password").Fix("put credentials into the AWS environment")
	}
	return nil
}

// flyteCredentials are those that Flyte gives to pods, where there are no AWS ones.
func flyteCredentials() aws.CredentialsProvider {
	id, secret := os.Getenv("FLYTE_AWS_ACCESS_KEY_ID"), os.Getenv("FLYTE_AWS_SECRET_ACCESS_KEY")
	if id == "" || secret == "" || os.Getenv("AWS_ACCESS_KEY_ID") != "" {
		return nil
	}
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, Source: "FLYTE_AWS_ACCESS_KEY_ID"}, nil
	})
}

// explained says what to do where the chain of credentials comes to nothing.
type explained struct{ aws.CredentialsProvider }

func (e explained) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if e.CredentialsProvider == nil {
		return aws.Credentials{}, noCredentials(errors.New("none configured"))
	}
	c, err := e.CredentialsProvider.Retrieve(ctx)
	if err != nil && ctx.Err() == nil {
		err = noCredentials(err)
	}
	return c, err
}

func noCredentials(err error) error {
	return fault.Input(AccessDenied, "no AWS credentials: %w", err).
		Fix("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE, or, for a public bucket, s3_no_sign_request: true")
}

// countedClient counts each HTTP request, so that retries are in the numbers.
type countedClient struct {
	s3.HTTPClient
	meter *meter
}

func (c countedClient) Do(req *http.Request) (*http.Response, error) {
	c.meter.requests.Add(1)
	c.meter.written.Add(max(req.ContentLength, 0))
	resp, err := c.HTTPClient.Do(req)
	if resp != nil && resp.Body != nil {
		resp.Body = countedReader{resp.Body, c.meter}
	}
	return resp, err
}
