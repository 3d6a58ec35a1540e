package catalog_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/settings"
)

// guarded is a REST catalogue without tables that wants a token, and gives one to
// who knows id and secret.
type guarded struct {
	*httptest.Server
	forms  atomic.Pointer[map[string]string] // what was last asked for a token with
	status int                               // of whoever has a token; 0: served
	echo   bool                              // refusals repeat what they were given
}

func guard(t *testing.T) *guarded {
	g := &guarded{}
	say := func(w http.ResponseWriter, status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	token := func(w http.ResponseWriter, r *http.Request) {
		form := map[string]string{}
		_ = r.ParseForm()
		for k := range r.PostForm {
			form[k] = r.PostForm.Get(k)
		}
		g.forms.Store(&form)
		if form["client_id"] != "me" || form["client_secret"] != "s3cret" {
			refusal := map[string]string{"error": "invalid_client"}
			if g.echo {
				refusal["error_description"] = "not " + form["client_secret"]
			}
			say(w, http.StatusUnauthorized, refusal)
			return
		}
		say(w, http.StatusOK, map[string]any{"access_token": "good", "token_type": "bearer", "expires_in": 3600})
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/oauth/tokens", token)
	mux.HandleFunc("POST /elsewhere", token)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		problem := func(status int, kind, message string) {
			say(w, status, map[string]any{"error": map[string]any{"message": message, "type": kind, "code": status}})
		}
		switch given := r.Header.Get("Authorization"); {
		case given != "Bearer good":
			message := "who are you"
			if g.echo {
				message += ", " + given
			}
			problem(http.StatusUnauthorized, "NotAuthorizedException", message)
		case g.status != 0:
			problem(g.status, "ForbiddenException", "not you")
		case r.URL.Path == "/v1/config":
			say(w, http.StatusOK, map[string]any{"defaults": map[string]string{}, "overrides": map[string]string{}})
		default:
			problem(http.StatusNotFound, "NoSuchTableException", "no such table")
		}
	})
	g.Server = httptest.NewServer(mux)
	t.Cleanup(g.Close)
	return g
}

// TestRESTToken: a REST catalogue is given the token, or what it gives one for, that
// PyIceberg's variables hold, and whoever has none that holds is told how.
func TestRESTToken(t *testing.T) {
	const env = "PYICEBERG_CATALOG__CONSTELLATION__"
	for name, c := range map[string]struct {
		env    map[string]string
		status int
		echo   bool
		away   bool // nobody answers
		kind   fault.Kind
		says   string
		form   map[string]string
	}{
		"a token":                     {env: map[string]string{"TOKEN": "good"}},
		"a credential":                {env: map[string]string{"CREDENTIAL": "me:s3cret"}, form: map[string]string{"grant_type": "client_credentials", "scope": "catalog"}},
		"of a scope and an audience":  {env: map[string]string{"CREDENTIAL": "me:s3cret", "SCOPE": "PRINCIPAL_ROLE:ALL", "AUDIENCE": "a", "RESOURCE": "r"}, form: map[string]string{"scope": "PRINCIPAL_ROLE:ALL", "audience": "a", "resource": "r"}},
		"another server for tokens":   {env: map[string]string{"CREDENTIAL": "me:s3cret", "OAUTH2_SERVER_URI": "SERVER/elsewhere"}, form: map[string]string{"client_id": "me"}},
		"none":                        {kind: fault.BadInput, says: "it wants a token: give it by " + env + "TOKEN, or ID:SECRET by " + env + "CREDENTIAL"},
		"an old token":                {env: map[string]string{"TOKEN": "s3cret"}, kind: fault.BadInput, says: "renew the token in " + env + "TOKEN"},
		"an old token, repeated":      {env: map[string]string{"TOKEN": "s3cret"}, echo: true, kind: fault.BadInput, says: "Bearer xxxxx"},
		"a wrong secret":              {env: map[string]string{"CREDENTIAL": "me:s3cret?"}, kind: fault.BadInput, says: "mend the ID:SECRET in " + env + "CREDENTIAL"},
		"a wrong secret, repeated":    {env: map[string]string{"CREDENTIAL": "me:s3cret?"}, echo: true, kind: fault.BadInput, says: "not xxxxx"},
		"a secret without an id":      {env: map[string]string{"CREDENTIAL": "s3cret"}, kind: fault.BadInput, says: "mend the ID:SECRET"},
		"a token of another's":        {env: map[string]string{"TOKEN": "good"}, status: http.StatusForbidden, kind: fault.BadInput, says: "have them give the right"},
		"a token with its file's end": {env: map[string]string{"TOKEN": "good\n"}, kind: fault.BadInput, says: env + "TOKEN holds a line break"},
		"no address for tokens":       {env: map[string]string{"CREDENTIAL": "me:s3cret", "OAUTH2_SERVER_URI": "elsewhere"}, kind: fault.BadInput, says: "OAUTH2_SERVER_URI is not the address"},
		"nobody gives tokens":         {env: map[string]string{"CREDENTIAL": "me:s3cret", "OAUTH2_SERVER_URI": "http://127.0.0.1:1/"}, kind: fault.Transient, says: "connection refused"},
		"a server that is ill":        {env: map[string]string{"TOKEN": "good"}, status: http.StatusServiceUnavailable, kind: fault.Transient, says: "somebody answers"},
		"nobody":                      {away: true, kind: fault.Transient, says: "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			g := guard(t)
			g.status, g.echo = c.status, c.echo
			for _, k := range []string{"TOKEN", "CREDENTIAL", "SCOPE", "AUDIENCE", "RESOURCE", "OAUTH2_SERVER_URI"} {
				t.Setenv(env+k, strings.Replace(c.env[k], "SERVER", g.URL, 1))
			}
			s := settings.Catalog{Warehouse: t.TempDir(), URI: g.URL, Namespace: "shear", Table: "edff_shear"}
			if c.away {
				g.Close()
			}
			opened, err := catalog.Open(t.Context(), s)
			if err == nil {
				opened.Close()
			}
			for _, err := range []error{err, usable(t, s)} {
				switch {
				case c.says == "" && err == nil:
				case c.says == "" || fault.CodeOf(err) != catalog.CodeSettings || fault.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says):
					t.Errorf("%v", err)
				case strings.Contains(err.Error(), "s3cret"):
					t.Errorf("it tells the secret: %v", err)
				}
			}
			for k, want := range c.form {
				if form := g.forms.Load(); form == nil || (*form)[k] != want {
					t.Errorf("%s=%s was not asked for: %v", k, want, form)
				}
			}
		})
	}
}

// TestRESTTokenOfPyIceberg: the variables are what PyIceberg takes for a catalogue of that name.
func TestRESTTokenOfPyIceberg(t *testing.T) {
	python := os.Getenv("CONSTELLATION_PYTHON")
	if python == "" {
		t.Skip("SKIPPED: not compared with PyIceberg; set CONSTELLATION_PYTHON to a Python that has it")
	}
	for name, env := range map[string][]string{
		"a token":          {settings.EnvRESTToken + "=good"},
		"a credential":     {settings.EnvRESTCredential + "=me:s3cret"},
		"another server's": {settings.EnvRESTCredential + "=me:s3cret", settings.EnvREST + "SCOPE=x", settings.EnvREST + "OAUTH2_SERVER_URI=SERVER/elsewhere"},
	} {
		g := guard(t)
		cmd := exec.Command(python, "-c", "import sys; from pyiceberg.catalog import load_catalog; print(load_catalog(sys.argv[1], type='rest', uri=sys.argv[2]).table_exists('a.b'))", catalog.Name, g.URL)
		cmd.Env = os.Environ()
		for _, e := range env {
			cmd.Env = append(cmd.Env, strings.Replace(e, "SERVER", g.URL, 1))
		}
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "False") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		if form := g.forms.Load(); name == "another server's" && (form == nil || (*form)["scope"] != "x") {
			t.Errorf("%s: %v", name, form)
		}
	}
}

// TestRESTUnknownWarehouse: a server that has no warehouse of the name is not asked
// again, and how to name one is said.
func TestRESTUnknownWarehouse(t *testing.T) {
	for name, c := range map[string]struct {
		status        int
		kind, message string
	}{
		"Polaris":    {http.StatusNotFound, "NotFoundException", "Unable to find warehouse s3://b/w"},
		"Lakekeeper": {http.StatusNotFound, "WarehouseNotFound", "Warehouse s3://b/w not found"},
		"Nessie":     {http.StatusBadRequest, "IllegalArgumentException", "Warehouse 's3://b/w' is not known"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(c.status)
			_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"message": c.message, "type": c.kind, "code": c.status}})
		}))
		_, err := catalog.Open(t.Context(), settings.Catalog{Warehouse: "s3://b/w", URI: server.URL, Namespace: "shear", Table: "edff_shear"})
		server.Close()
		if fault.CodeOf(err) != catalog.CodeSettings || fault.KindOf(err) != fault.BadInput || !strings.Contains(err.Error(), c.message) || !strings.Contains(err.Error(), "?warehouse=NAME") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRESTWarehouse: a server is asked for its warehouse by the name that the URI
// gives, or by where it is; and for tables below the prefix that it answers, such as
// Nessie's, which has a | in it.
func TestRESTWarehouse(t *testing.T) {
	for name, c := range map[string]struct{ path, warehouse string }{
		"by place":           {"/iceberg", ""},
		"by name":            {"/api/catalog?warehouse=q1", "q1"},
		"by project":         {"/catalog?warehouse=project%2Fq1", "project/q1"},
		"by name, not spelt": {"/catalog/?warehouse=my+q1", "my q1"},
	} {
		t.Run(name, func(t *testing.T) {
			place := "file://" + t.TempDir()
			var asked, tables atomic.Value
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if strings.HasSuffix(r.URL.Path, "/v1/config") {
					asked.Store(r.URL.Query().Get("warehouse"))
					_ = json.NewEncoder(w).Encode(map[string]any{"defaults": map[string]string{}, "overrides": map[string]string{"prefix": "main|q1"}})
					return
				}
				tables.Store(r.URL.EscapedPath())
				w.WriteHeader(http.StatusNotFound)
				_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"message": "none", "type": "NoSuchTableException", "code": 404}})
			}))
			defer server.Close()
			s := settings.Catalog{Warehouse: place, URI: server.URL + c.path, Namespace: "shear", Table: "edff_shear"}
			if err := usable(t, s); err != nil {
				t.Fatal(err)
			}
			base, _, _ := strings.Cut(strings.TrimSuffix(c.path, "/"), "?")
			if want := strings.TrimSuffix(base, "/") + "/v1/main%7Cq1/namespaces/shear/tables/edff_shear_sources"; tables.Load() != want {
				t.Errorf("%v was asked for, not %s", tables.Load(), want)
			}
			if want := c.warehouse; want == "" && asked.Load() != place || want != "" && asked.Load() != want {
				t.Errorf("the warehouse %v was asked for", asked.Load())
			}
		})
	}
}
