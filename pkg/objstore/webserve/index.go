package webserve

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"html"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
)

// index writes a directory's page in the form of Apache's HTMLTable.
func (h *Handler) index(w http.ResponseWriter, r *http.Request, entries []fs.DirEntry) {
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	w.Header().Set("Content-Type", "text/html;charset=UTF-8")
	b := bufio.NewWriter(w)
	defer func() { _ = b.Flush() }() // who asked may have gone away
	title := html.EscapeString("Index of " + strings.TrimSuffix(r.URL.Path, "/"))
	fmt.Fprintf(b, `<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">
<html>
 <head>
  <title>%s</title>
 </head>
 <body>
<h1>%[1]s</h1>
  <table>
   <tr><th><a href="?C=N;O=D">Name</a></th><th><a href="?C=M;O=A">Last modified</a></th><th><a href="?C=S;O=A">Size</a></th></tr>
`, title)
	if r.URL.Path != "/" {
		up := &url.URL{Path: strings.TrimSuffix(path.Dir(strings.TrimSuffix(r.URL.Path, "/")), "/") + "/"}
		fmt.Fprintf(b, "<tr><td><a href=\"%s\">Parent Directory</a></td><td>&nbsp;</td><td align=\"right\">  - </td></tr>\n", html.EscapeString(up.EscapedPath()))
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), hidden) {
			continue
		}
		fi, err := h.root.Stat(path.Join(strings.Trim(r.URL.Path, "/"), e.Name()))
		if err != nil { // gone since, or a link to nowhere or outside
			continue
		}
		name, href, size := e.Name(), url.PathEscape(e.Name()), human(fi.Size())
		if strings.Contains(href, ":") {
			href = "./" + href // else what is before it were a scheme
		}
		if fi.IsDir() {
			name, href, size = name+"/", href+"/", "- "
		}
		fmt.Fprintf(b, "<tr><td><a href=\"%s\">%s</a></td><td align=\"right\">%s  </td><td align=\"right\">%s</td></tr>\n",
			html.EscapeString(href), html.EscapeString(shown(name)), fi.ModTime().UTC().Format("2006-01-02 15:04"), size)
	}
	fmt.Fprint(b, "</table>\n</body></html>\n")
}

// shown is a name as wide as Apache shows it.
func shown(name string) string {
	const width = 40
	if r := []rune(name); len(r) > width {
		return string(r[:width-2]) + "..>"
	}
	return name
}

// human is a size as pages have it, rounded.
func human(n int64) string {
	const units = "KMGTP"
	if n < 1000 {
		return fmt.Sprint(n)
	}
	v, i := float64(n)/1024, 0
	for v >= 1000 && i < len(units)-1 {
		v, i = v/1024, i+1
	}
	return fmt.Sprintf("%.1f%c", v, units[i])
}

// usable refuses what is no certificate with its key.
func usable(cert, key string) error {
	if _, err := tls.LoadX509KeyPair(cert, key); err != nil {
		return fault.Input("CertificateUnusable", "%w", err).On(cert).Fix("give a certificate and the key to it, in PEM: openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1,DNS:localhost -keyout key.pem -out cert.pem makes them")
	}
	return nil
}
