package faults

import (
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/simulate"
)

// stallSoon is for stores that do stall. What such a store does in its own time may
// be taken for a stall where the machine is slow: that is one more attempt, as after any other.
const stallSoon = "CONSTELLATION_STALL_TIME=3s"

// TestWeather runs everything through a store that fails one request in
// twenty, in every way that passes by itself: sources, products and the
// engine's own state.
func TestWeather(t *testing.T) {
	s := newSite(t)
	s.do(t, s.run("calm")...)
	want := tree(t, s.products("calm"))
	s.env = append(s.env, stallSoon)
	for seed := range uint64(3) {
		weather := s3test.NewWeather(seed, 0.05, s3test.Passing...)
		before := s.proxy.Requests()
		s.proxy.Inject(weather.Fault)
		id := []string{"rain", "hail", "storm"}[seed]
		s.do(t, s.run(id)...)
		s.proxy.Inject(nil)
		same(t, want, tree(t, s.products(id)))
		total := 0
		for _, n := range weather.Counts() {
			total += n
		}
		t.Logf("%s: %d troubles in %d requests: %v", id, total, s.proxy.Requests()-before, weather.Counts())
		if total < 10 {
			t.Error("there was hardly any trouble")
		}
	}
}

// TestWeatherOverLargeProducts has products that go in parts, of whose requests
// three in ten meet trouble, and a warehouse in the store, to which Iceberg's own
// client writes: of its requests one in twenty, as of all others. That client
// resumes nothing, so that its tasks are tried again as a whole, and it waits for
// ever where a connection stalls: it is spared that.
func TestWeatherOverLargeProducts(t *testing.T) {
	v, err := simulate.Preset("tiny")
	if err != nil {
		t.Fatal(err)
	}
	v.Width, v.Height, v.Observations = 512, 514, 1
	s := newSiteOf(t, v)
	s.server.Bucket(t, "tables")
	s.do(t, s.tabled("calm")...)
	s.env = append(s.env, stallSoon)
	want := tree(t, s.products("calm"))
	passing := s3test.NewWeather(7, 0.05, s3test.Passing...)
	parts := s3test.NewWeather(8, 0.3, s3test.Passing...)
	tables := s3test.NewWeather(9, 0.05, slices.DeleteFunc(slices.Clone(s3test.Passing), func(kind s3test.Failure) bool { return kind == s3test.Stall })...)
	s.proxy.Inject(func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
		switch q := r.URL.Query(); {
		case strings.HasPrefix(r.URL.Path, "/tables/"):
			return tables.Fault(w, r, pass)
		case q.Has("uploads") || q.Has("uploadId"):
			return parts.Fault(w, r, pass)
		}
		return passing.Fault(w, r, pass)
	})
	s.do(t, s.tabled("storm")...)
	s.proxy.Inject(nil)
	same(t, want, tree(t, s.products("storm")))
	s.do(t, append([]string{"validate", "--config", "c.yaml", "--run-id", "storm"}, s.tables("storm")...)...)
	for what, weather := range map[string]*s3test.Weather{"parts": parts, "tables": tables, "all else": passing} {
		total := 0
		for _, n := range weather.Counts() {
			total += n
		}
		t.Logf("%s: %d troubles, %v", what, total, weather.Counts())
		if total == 0 {
			t.Errorf("%s: there was no trouble", what)
		}
	}
}

// tabled is the command of a run whose tables are in the store as well.
func (s *site) tabled(id string) []string {
	return s.run(id, s.tables(id)...)
}

func (s *site) tables(id string) []string {
	return []string{"--set", "output.catalog_warehouse=s3://tables/" + id, "--set", "output.catalog_uri=sqlite:///" + filepath.Join(s.dir, id+".db")}
}

// TestRefused holds what doesn't pass by itself to a clear end.
func TestRefused(t *testing.T) {
	s := newSite(t)
	puts := func(kind s3test.Failure) s3test.Fault {
		fail := s3test.Make(kind)
		return func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
			return r.Method == http.MethodPut && strings.HasPrefix(r.URL.Path, "/products/"+string(kind)+"/") && fail(w, r, pass)
		}
	}
	for kind, words := range map[s3test.Failure][]string{
		s3test.Denied:  {"AccessDenied", "s3://products/denied/", "credentials"},
		s3test.Expired: {"ExpiredToken", "s3://products/expired/", "renew them"},
		s3test.Skewed:  {"RequestTimeTooSkewed", "s3://products/skewed/", "clock"},
	} {
		s.proxy.Inject(puts(kind))
		s.refused(t, words, s.run(string(kind))...)
		// Once it is mended, the same run goes on.
		s.proxy.Inject(nil)
		s.do(t, s.run(string(kind))...)
	}
}

// TestSourceChanged replaces, shortens or deletes a file of the survey after
// it was indexed and before it is extracted.
func TestSourceChanged(t *testing.T) {
	for name, test := range map[string]struct {
		change func(path string) error
		says   string
	}{
		"replaced": {func(path string) error {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			data[len(data)-1] ^= 1
			return os.WriteFile(path, data, 0o666)
		}, "was replaced since"},
		"shortened": {func(path string) error { return os.Truncate(path, 100_000) }, "was replaced since"},
		"deleted":   {os.Remove, "is gone since"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			found, err := filepath.Glob(filepath.Join(s.server.Dir, "euclid", "q1", "VIS", "*", "*DET*"))
			if err != nil || len(found) < 2 {
				t.Fatalf("no DET file: %v, %v", found, err)
			}
			var once sync.Once
			s.proxy.Inject(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
				// Rows of catalogues are read by prepare-tile only.
				if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/MER_FINAL_CATALOG/") && r.URL.Query().Get("list-type") == "" {
					once.Do(func() { err = test.change(found[1]) }) // the first is superseded
				}
				return false
			})
			s.refused(t, []string{
				test.says, "s3://euclid/q1/VIS/", filepath.Base(found[1]),
				"indexed by s3://engine/gone/index-observations/raw/0/plan.json at 20", "index again",
			}, s.run("gone")...)
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestSecrets looks for the secret in everything that a run says and writes,
// at the chattiest level, also where the store complains about it.
func TestSecrets(t *testing.T) {
	s := newSite(t)
	s.env = append(s.env, "LOG_LEVEL=debug")
	said := s.do(t, "run", "--config", "c.yaml", "--run-id", "open", "--events", "events.jsonl")
	const wrong = "wrong-secret-that-nobody-may-see"
	s.env = append(s.env, "AWS_SECRET_ACCESS_KEY="+wrong)
	more, ok := s.try(t, "run", "--config", "c.yaml", "--run-id", "closed")
	if ok || !strings.Contains(more, "SignatureDoesNotMatch") {
		t.Errorf("a wrong secret:\n%s", more)
	}
	files := 0
	look := func(name, text string) {
		for _, secret := range []string{s.server.SecretKey, wrong} {
			if strings.Contains(text, secret) {
				t.Errorf("%s holds a secret", name)
			}
		}
	}
	look("what the command says", said+more)
	for _, dir := range []string{s.dir, s.server.Dir} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			text, err := io.ReadAll(f)
			files++
			look(path, string(text))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("looked into %d files", files)
}
