package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/pipeline"
)

const (
	// contactTime bounds the first contact with a server. Stages are patient with
	// one that is away for a while; somebody who mistyped its address is not.
	contactTime = 5 * time.Second
	// contactTries are spread over it.
	contactTries = 3
)

// contact finds out whether the object stores that settings name answer at all,
// before anything is begun. An endpoint that somebody wrote must; AWS's own may
// lie behind something that this doesn't know of, so that is only said.
func contact(ctx context.Context, w io.Writer, s pipeline.ResolveConfigOut) error {
	type place struct{ key, endpoint string }
	var places []place
	source := strings.HasPrefix(cmp.Or(s.Source.Files, s.Source.VISBase), "s3://")
	if source && s.Source.Endpoint != "" {
		places = append(places, place{"data.s3_endpoint_url", s.Source.Endpoint})
	}
	asked := map[string]bool{}
	for _, p := range []place{{"data.vis_base_uri", s.Source.VISBase}, {"data.mer_base_uri", s.Source.MERBase}, {"data.catalog_base_uri", s.Source.CatalogBase}} {
		u, err := url.Parse(p.endpoint)
		if err == nil && (u.Scheme == "https" || u.Scheme == "http") && !asked[u.Host] {
			asked[u.Host] = true
			places = append(places, p)
		}
	}
	for _, key := range []string{"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "FLYTE_AWS_ENDPOINT"} { // as the store looks for them
		if set := os.Getenv(key); set != "" {
			if strings.HasPrefix(s.Products.Base, "s3://") { // of outputs: sources without an endpoint are on AWS
				places = append(places, place{key, set})
			}
			break
		}
	}
	for _, p := range places {
		if u, err := url.Parse(p.endpoint); fault.HoldsSecret(p.endpoint) || err == nil && u.User != nil {
			return fault.Input("EndpointInvalid", "the address holds a password or a token, which would be copied into logs").At("%s", p.key).
				Fix("leave it out: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or an AWS_PROFILE, give the credentials")
		}
		if err := answers(ctx, p.endpoint); err != nil {
			return fault.New(fault.Transient, "NoAnswer", "nobody answers there: %w", err).On(p.endpoint).At("%s", p.key).Fix("mend the address, or start the server")
		}
	}
	if region := s.Source.Region; source && s.Source.Endpoint == "" && region != "" {
		if err := answers(ctx, "https://s3."+region+".amazonaws.com"); err != nil {
			fmt.Fprintf(w, "warning: S3 in data.s3_region %q does not answer (%v): trying all the same; Ctrl-C stops\n", region, err)
		}
	}
	return ctx.Err()
}

// answers opens a connection to a URL's host and closes it. Behind a proxy it
// takes the answer for granted.
func answers(ctx context.Context, endpoint string) error {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return nil // the store refuses it in its own words
	}
	if proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u}); err != nil || proxy != nil {
		return nil
	}
	address := net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), map[string]string{"http": "80"}[u.Scheme], "443"))
	ctx, stop := context.WithTimeout(ctx, contactTime)
	defer stop()
	var dialer net.Dialer
	for try := 1; ; try++ {
		c, err := dialer.DialContext(ctx, "tcp", address)
		if err == nil {
			return c.Close()
		}
		if try == contactTries {
			return err
		}
		select {
		case <-time.After(contactTime / 10):
		case <-ctx.Done():
			return err
		}
	}
}
