package mutants

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cosmostat/constellation/pkg/objstore"
)

// webServer has the survey of a run as an archive's web server has it, but for
// what a mutant changes.
type webServer struct {
	k     *kept
	form  func(dir string, names []string) string // of an index page
	spell func(name string) string                // of a link
	page  func(page string) string                // changes one
	tag   func(h http.Header)                     // changes the headers of a file's answer
	first func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool
}

func (s *webServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.first == nil || !s.first(w, r, http.HandlerFunc(s.serve)) {
		s.serve(w, r)
	}
}

func (s *webServer) serve(w http.ResponseWriter, r *http.Request) {
	uri := "mem:/" + r.URL.Path
	if strings.HasSuffix(uri, "/") {
		s.index(w, r, uri)
		return
	}
	info, err := s.k.Memory.Stat(r.Context(), uri)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	body, err := s.k.Memory.Get(r.Context(), uri, "", objstore.Whole)
	if err != nil {
		panic(err)
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Etag", `"`+info.ETag+`"`)
	if s.tag != nil {
		s.tag(w.Header())
	}
	http.ServeContent(w, r, "", info.Modified, strings.NewReader(string(data)))
}

func (s *webServer) index(w http.ResponseWriter, r *http.Request, prefix string) {
	seen := map[string]bool{}
	var names []string
	_ = s.k.Memory.List(r.Context(), prefix, func(o objstore.Info) error {
		name, _, dir := strings.Cut(strings.TrimPrefix(o.URI, prefix), "/")
		if dir {
			name += "/"
		}
		if !seen[name] {
			seen[name], names = true, append(names, name)
		}
		return nil
	})
	if len(names) == 0 {
		http.NotFound(w, r)
		return
	}
	if s.spell != nil {
		for i := range names {
			names[i] = s.spell(names[i])
		}
	}
	form := asTable
	if s.form != nil {
		form = s.form
	}
	text := form(r.URL.Path, names)
	if s.page != nil {
		text = s.page(text)
	}
	w.Header().Set("Content-Type", "text/html;charset=UTF-8")
	_, _ = io.WriteString(w, text)
}

func asTable(dir string, names []string) string {
	return page(dir, "<table><tr><th><a href=\"?C=N;O=D\">Name</a></th></tr><tr><td><a href=\"../\">Parent Directory</a></td></tr>\n", names, "<tr><td><a href=\"%s\">%.20s..&gt;</a></td><td align=\"right\">2.3G</td></tr>\n", "</table>")
}

func asText(dir string, names []string) string {
	return page(dir, "<pre><a href=\"../\">../</a>\r\n", names, "<a href=\"%s\">%.40s</a>   21-Jun-2025 02:01   1\r\n", "</pre>")
}

func asList(dir string, names []string) string {
	return page(dir, "<ul>", names, "<li><a href=\"%s\"> %s</a></li>\n", "</ul>")
}

func page(dir, begin string, names []string, line, end string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<html><head><title>Index of %s</title></head><body>\n<h1>Index of %[1]s</h1>%s", html.EscapeString(dir), begin)
	for _, n := range names {
		fmt.Fprintf(&b, line, n, strings.TrimPrefix(n, "./"))
	}
	return b.String() + end + "</body></html>\n"
}

// onWeb has a run read its survey from a web server.
func onWeb(s webServer) change {
	return func(t *testing.T, k *kept) {
		s := s
		s.k = k
		h := httptest.NewServer(&s)
		t.Cleanup(h.Close)
		k.Sources.Far = objstore.Open(t.Context(), objstore.Config{Sources: true})
		for _, base := range []*string{&k.Settings.Source.VISBase, &k.Settings.Source.MERBase, &k.Settings.Source.CatalogBase} {
			*base = strings.Replace(*base, "mem:/", h.URL, 1)
		}
	}
}

// linked changes how index pages spell links.
func linked(how func(name string) string) change { return onWeb(webServer{spell: how}) }

// paged changes index pages.
func paged(how func(page string) string) change { return onWeb(webServer{page: how}) }

func replaced(old, with string) func(string) string {
	return func(page string) string { return strings.Replace(page, old, with, 1) }
}

// asked answers requests for paths that have a part.
func asked(part string, f http.HandlerFunc) change {
	return onWeb(webServer{first: func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if strings.Contains(r.URL.Path, part) {
			f(w, r)
		}
		return strings.Contains(r.URL.Path, part)
	}})
}

// everyLetter percent-encodes what needs it, and what doesn't.
func everyLetter(name string) string {
	var b strings.Builder
	for _, c := range []byte(strings.TrimSuffix(name, "/")) {
		fmt.Fprintf(&b, "%%%02x", c)
	}
	if strings.HasSuffix(name, "/") {
		b.WriteByte('/')
	}
	return b.String()
}

// TestWebIndexes changes the pages that an archive's web server lists files by.
func TestWebIndexes(t *testing.T) {
	run(t, join(
		one("Apache's table", onWeb(webServer{}), right()),
		one("a text, as nginx's", onWeb(webServer{form: asText}), right()),
		one("a plain list", onWeb(webServer{form: asList}), right()),
		one("links whose letters are all escaped", linked(everyLetter), right()),
		one("links in HTML's escapes", linked(func(n string) string { return strings.ReplaceAll(strings.ReplaceAll(n, "-", "&#45;"), "_", "&#x5f;") }), right()),
		one("links that begin with ./", linked(func(n string) string { return "./" + n }), right()),
		one("links twice", onWeb(webServer{form: func(dir string, names []string) string {
			return asTable(dir, append(slices.Clone(names), names...))
		}}), right()),
		one("links in another order", onWeb(webServer{form: func(dir string, names []string) string {
			slices.Reverse(names)
			return asTable(dir, names)
		}}), right()),
		one("absolute links", onWeb(webServer{form: func(dir string, names []string) string {
			for i := range names {
				names[i] = dir + names[i]
			}
			return asTable(dir, names)
		}}), right()),
		one("links to another host, too", paged(replaced("</table>", `<tr><td><a href="https://elsewhere.invalid/EUC_VIS_SWL-DET-002682-09-1-0000000__20991017T042839.727728Z.fits">x</a></td></tr></table>`)), right()),
		one("links to another directory, too", paged(replaced("</table>", `<tr><td><a href="/euclid/other/EUC_VIS_SWL-DET-002682-09-1-0000000__20991017T042839.727728Z.fits">x</a></td></tr></table>`)), right()),
		one("a read-me", paged(replaced("</body>", "<pre>see <a href=\"https://elsewhere.invalid\">there</a></pre></body>")), right()),
		one("a page that is cut in a row", paged(func(p string) string { return p[:strings.LastIndex(p, "<a href")+20] }), refused("/euclid/", "it is cut", "data.files")),
		one("a page that is cut between rows", paged(func(p string) string { return p[:strings.LastIndex(p, "<tr>")] }), refused("/euclid/", "it ends within <table>")),
		one("a page without its end", paged(replaced("</body></html>", "")), refused("ends without </html>")),
		one("a page of a portal", paged(func(string) string { return "<html><title>Euclid Science Archive</title><body><ul></ul></body></html>" }), refused("/euclid/", "Euclid Science Archive", "data.files")),
		one("a page to log in", paged(func(string) string { return "<html><title>SSO</title><form><input type=password></form></html>" }), refused("asks for a password")),
		one("a page made by a script", paged(func(string) string { return "<html><title>Browse</title><script src=app.js></script></html>" }), refused("made by a script")),
		one("one page of several", paged(replaced("</body>", `<a href="?page=2">next</a></body>`)), refused("one page of several")),
		one("a link that leads out", linked(func(n string) string { return "..%2f" + n }), refused("not the name of a file in this directory")),
		one("downloads in place of links", linked(func(n string) string { return "get.cgi?file=" + n }), refused("links to nothing in its directory")),
		one("a listing that is forbidden", asked("/VIS/2682/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }), refused("/VIS/2682/", "gives no list", "data.files")),
		one("a listing in JSON", onWeb(webServer{first: func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			if strings.HasSuffix(r.URL.Path, "/") {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, "[]")
			}
			return strings.HasSuffix(r.URL.Path, "/")
		}}), refused("no web page", "application/json")),
	))
}

// TestWebServers changes what an archive's web server says of files.
func TestWebServers(t *testing.T) {
	set := func(key, value string) change {
		return onWeb(webServer{tag: func(h http.Header) { h.Set(key, value) }})
	}
	run(t, join(
		one("a weak ETag", onWeb(webServer{tag: func(h http.Header) { h.Set("Etag", "W/"+h.Get("Etag")) }}), right()),
		one("no ETag", onWeb(webServer{tag: func(h http.Header) { h.Del("Etag") }}), right()),
		one("an ETag that is another each time", func(t *testing.T, k *kept) {
			var n atomic.Int64
			onWeb(webServer{tag: func(h http.Header) { h.Set("Etag", fmt.Sprintf("%q", fmt.Sprint(n.Add(1)))) }})(t, k)
		}, refused("was replaced since it was indexed")),
		one("neither ETag nor time", onWeb(webServer{first: func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
			pass.ServeHTTP(lacking{w}, r)
			return true
		}}), refused("neither an ETag")),
		one("bytes that are encoded for the way", set("Content-Encoding", "gzip"), refused("Content-Encoding", "not the file's")),
		one("files that are pages", set("Content-Type", "text/html"), refused("it is a web page")),
		one("no ranges", onWeb(webServer{first: func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool { r.Header.Del("Range"); return false }}), refused("ignores ranges", "Apache and nginx")),
		one("redirects in a circle", asked("EUC_", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }), refused("redirects in a circle")),
		one("redirects to an unsafe place", asked("EUC_", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://elsewhere.invalid"+r.URL.Path, http.StatusFound)
		}), refused("could change what is read")),
		one("redirects to where it is", onWeb(webServer{first: func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			if at, moved := strings.CutPrefix(r.URL.Path, "/moved"); moved {
				r.URL.Path = at
				return false
			}
			http.Redirect(w, r, (&url.URL{Path: "/moved" + r.URL.Path}).String(), http.StatusMovedPermanently)
			return true
		}}), right()),
		one("no HEAD", onWeb(webServer{first: func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			if r.Method == http.MethodHead {
				w.WriteHeader(http.StatusMethodNotAllowed)
			}
			return r.Method == http.MethodHead
		}}), right()),
		atFault("a DET that is listed and isn't there", asked("DET-002682", http.NotFound), "DET", "is listed, and can't be had"),
		atFault("a PSF for members only", asked("/VIS/2682/EUC_VIS_GRD-PSF", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }), "PSF", "is listed, and can't be had"),
		one("a catalogue that is listed and isn't there", asked("FINAL-CAT_TILE102018211", http.NotFound), refused("102018211", "is listed, and can't be had")),
		one("a mosaic that is listed and isn't there", asked("MOSAIC-VIS_TILE102018211", http.NotFound), refused("102018211", "is listed, and can't be had")),
		one("a time that changes", onWeb(webServer{tag: func(h http.Header) {
			h.Del("Etag")
		}, first: func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
			pass.ServeHTTP(now{w}, r)
			return true
		}}), refused("was replaced since it was indexed")),
	))
}

// lacking takes what files are known by out of answers.
type lacking struct{ http.ResponseWriter }

func (l lacking) WriteHeader(status int) {
	l.Header().Del("Etag")
	l.Header().Del("Last-Modified")
	l.ResponseWriter.WriteHeader(status)
}

var seconds atomic.Int64

// now says that each answer's file was made at another time.
type now struct{ http.ResponseWriter }

func (n now) WriteHeader(status int) {
	n.Header().Set("Last-Modified", time.Unix(1e9+seconds.Add(1), 0).UTC().Format(http.TimeFormat))
	n.ResponseWriter.WriteHeader(status)
}
