package e2e

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/settings"
)

// TestHTTPS: the pipeline, read over S3 and from the web server that serve is with
// a certificate of its own, gives the same rows and pixels; so it does of Q2's form.
func TestHTTPS(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	url := s.serveHTTPS(t, s.copySurvey(t, "survey"))
	write(t, s.path("s3.yaml"), strings.Replace(s.config(surveyBucket), "engine: mock", "engine: reference", 1)) // mock draws by the files' URIs
	write(t, s.path("https.yaml"), s.tiny.ConfigYAML(url)+"engine: reference\n")
	args := func(where, verb, file string) []string {
		return []string{verb, "--config", file, "--run-id", "same", "--storage", s.path(where), "--set", "output.catalog_warehouse=" + s.path("warehouse-"+where), "--cache", "off"}
	}
	if r := s.try(t, args("https", "run", "https.yaml")...); r.status != 1 || !strings.Contains(r.stderr+r.stdout, "no safe connection") || !strings.Contains(r.stderr+r.stdout, "SSL_CERT_FILE") {
		t.Errorf("a certificate that nobody trusts: %s", r)
	}
	removeAll(t, s.path("https"))
	s.env = append(s.env, "SSL_CERT_FILE="+s.path("cert.pem"))
	s.do(t, args("https", "run", "https.yaml")...)

	// Q2's form of it, by a proxy, which alone knows where the archive is: stages know it, too.
	s.do(t, "simulate", "--preset", "tiny", "--release", "q2", "--gz", "catalogues", "--out", s.path("q2"))
	proxy, passed := connectProxy(t, strings.TrimPrefix(s.serveHTTPS(t, s.path("q2")), "https://"))
	s.env = append(s.env, "HTTPS_PROXY="+proxy)
	write(t, s.path("proxy.yaml"), s.tiny.ConfigYAML("https://archive.invalid/")+"engine: reference\n")
	s.do(t, args("proxy", "run", "proxy.yaml")...)
	if d := cmp.Diff(s.rows(t, "https"), s.rows(t, "proxy")); d != "" || passed.Load() == 0 {
		t.Errorf("%d connections by the proxy; rows (-Q1 +Q2):\n%s", passed.Load(), d)
	}
	s.do(t, args("s3", "run", "s3.yaml")...)
	if d := cmp.Diff(s.rows(t, "s3"), s.rows(t, "https")); d != "" {
		t.Errorf("rows (-S3 +HTTPS):\n%s", d)
	}
	// The same by a list of its files, which needs no listing.
	if r := s.try(t, "index", "export", "--config", "proxy.yaml", "--output", s.path("files.csv")); r.status != 0 {
		t.Fatal(r)
	}
	list := string(read(t, s.path("files.csv")))
	if !strings.Contains(list, "https://archive.invalid/VIS/EUC_VIS_SWL-DET-") {
		t.Errorf("the list names no files over HTTPS: %s", list)
	}
	write(t, s.path("list.yaml"), regexp.MustCompile(`(?m)^  (vis|mer|catalog)_base_uri: .*\n`).ReplaceAllString(string(read(t, s.path("proxy.yaml"))), ""))
	s.do(t, append(args("list", "run", "list.yaml"), "--set", "data.files="+s.path("files.csv"))...)
	if d := cmp.Diff(s.rows(t, "https"), s.rows(t, "list")); d != "" {
		t.Errorf("rows (-by listing +by list):\n%s", d)
	}
	write(t, s.path("other.yaml"), s.tiny.ConfigYAML("https://other.invalid/")+"engine: reference\n")
	if r := s.try(t, "tiles", "--config", "other.yaml"); r.status != 1 || !strings.Contains(r.stderr, "doesn't connect to other.invalid:443 [HTTP 403]") || !strings.Contains(r.stderr, "NO_PROXY") {
		t.Errorf("what the proxy refuses: %s", r)
	}
	pixels := 0
	over := tree(t, s.path("https"))
	for path, sum := range tree(t, s.path("s3")) {
		if ext := filepath.Ext(path); ext == ".fits" {
			if pixels++; over[path] != sum {
				t.Errorf("%s has other bytes over HTTPS", path)
			}
		}
	}
	if pixels == 0 {
		t.Error("there are no products")
	}
	if r := s.try(t, "config", "check", "--config", "https.yaml", "--set", "output.storage_base_uri="+url); r.status == 0 || !strings.Contains(r.stderr+r.stdout, "nothing can be written to") {
		t.Errorf("products on a web server: %s", r)
	}
}

// connectProxy is a proxy that connects to one server, whatever it is asked for.
func connectProxy(t *testing.T, server string) (url string, passed *atomic.Int64) {
	t.Helper()
	passed = new(atomic.Int64)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != "archive.invalid:443" {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		there, err := net.Dial("tcp", server)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		here, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			there.Close()
			return
		}
		passed.Add(1)
		io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n")
		go func() {
			io.Copy(there, here)
			there.Close()
		}()
		io.Copy(here, there)
		here.Close()
	}))
	t.Cleanup(proxy.Close)
	return proxy.URL, passed
}

// certify makes cert.pem and key.pem in the working directory, once.
func (s *site) certify(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(s.path("cert.pem")); err == nil {
		return
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"archive.invalid"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	cert, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, s.path("cert.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}))
	write(t, s.path("key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
}

// serveHTTPS runs a web server on a directory until the test ends. Its certificate
// is cert.pem in the working directory.
func (s *site) serveHTTPS(t *testing.T, dir string) (url string) {
	t.Helper()
	s.certify(t)
	server := s.command("serve", dir, "--http-index", "--tls-cert", "cert.pem", "--tls-key", "key.pem")
	server.Stderr = os.Stderr // of handshakes that end since nobody trusts it
	said, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Process.Signal(os.Interrupt)
		if err := server.Wait(); err != nil {
			t.Errorf("the web server ended: %v", err)
		}
	})
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		if url == "" {
			url = lines.Text()
		}
		if strings.HasPrefix(lines.Text(), "Ctrl-C") {
			return url
		}
	}
	t.Fatal("the web server didn't start")
	return ""
}

// rows are those of a place's catalogue, but for which configuration they are of.
func (s *site) rows(t *testing.T, where string) (all []string) {
	t.Helper()
	c, err := catalog.Open(t.Context(), settings.Catalog{Warehouse: s.path("warehouse-" + where), Namespace: "shear", Table: strings.ToLower(s.tiny.Field) + "_shear"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for r, err := range c.Rows(t.Context(), catalog.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		r.ConfigID = ""
		all = append(all, asJSON(t, r))
	}
	for r, err := range c.Sources(t.Context(), catalog.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		r.ConfigID = ""
		all = append(all, asJSON(t, r))
	}
	if len(all) == 0 {
		t.Errorf("%s has no rows", where)
	}
	slices.Sort(all)
	return all
}
