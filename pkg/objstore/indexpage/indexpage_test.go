package indexpage_test

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore/indexpage"
)

const det = "EUC_VIS_SWL-DET-067070-00-1__20250621T020155.487037Z_sci.fits"

// As the servers send them: httpd 2.4 with IndexOptions FancyIndexing HTMLTable,
// with FancyIndexing alone, and with neither; nginx 1.24; its fancyindex; lighttpd.
const (
	table = `<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">
<html>
 <head>
  <title>Index of /data/q2</title>
 </head>
 <body>
<h1>Index of /data/q2</h1>
  <table>
   <tr><th valign="top"><img src="/icons/blank.gif" alt="[ICO]"></th><th><a href="?C=N;O=D">Name</a></th><th><a href="?C=M;O=A">Last modified</a></th><th><a href="?C=S;O=A">Size</a></th><th><a href="?C=D;O=A">Description</a></th></tr>
   <tr><th colspan="5"><hr></th></tr>
<tr><td valign="top"><img src="/icons/back.gif" alt="[PARENTDIR]"></td><td><a href="/data/">Parent Directory</a></td><td>&nbsp;</td><td align="right">  - </td><td>&nbsp;</td></tr>
<tr><td valign="top"><img src="/icons/folder.gif" alt="[DIR]"></td><td><a href="MER/">MER/</a></td><td align="right">2025-06-21 02:01  </td><td align="right">  - </td><td>&nbsp;</td></tr>
<tr><td valign="top"><img src="/icons/unknown.gif" alt="[   ]"></td><td><a href="EUC_VIS_SWL-DET-067070-00-1__20250621T020155.487037Z_sci.fits">EUC_VIS_SWL-DET-0670..&gt;</a></td><td align="right">2025-06-21 02:01  </td><td align="right">2.3G</td><td>&nbsp;</td></tr>
   <tr><th colspan="5"><hr></th></tr>
</table>
</body></html>
`
	fancy = `<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">
<html>
 <head>
  <title>Index of /data/q2</title>
 </head>
 <body>
<h1>Index of /data/q2</h1>
<pre><img src="/icons/blank.gif" alt="Icon "> <a href="?C=N;O=D">Name</a>                    <a href="?C=M;O=A">Last modified</a>      <a href="?C=S;O=A">Size</a>  <a href="?C=D;O=A">Description</a><hr><img src="/icons/back.gif" alt="[PARENTDIR]"> <a href="/data/">Parent Directory</a>                             -   
<a href="MER/"><img src="/icons/folder.gif" alt="[DIR]"></a> <a href="MER/">MER/</a>                    2025-06-21 02:01    -   
<a href="EUC_VIS_SWL-DET-067070-00-1__20250621T020155.487037Z_sci.fits"><img src="/icons/unknown.gif" alt="[   ]"></a> <a href="EUC_VIS_SWL-DET-067070-00-1__20250621T020155.487037Z_sci.fits">EUC_VIS_SWL-DET-0670..&gt;</a> 2025-06-21 02:01  2.3G  
<hr></pre>
<address>Apache/2.4.57 (Debian) Server at archive Port 443</address>
</body></html>
`
	list = `<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">
<html>
 <head>
  <title>Index of /data/q2</title>
 </head>
 <body>
<h1>Index of /data/q2</h1>
<ul><li><a href="/data/"> Parent Directory</a></li>
<li><a href="MER/"> MER/</a></li>
<li><a href="EUC_VIS_SWL-DET-067070-00-1__20250621T020155.487037Z_sci.fits"> EUC_VIS_SWL-DET-067070-00-1__20250621T020155.487037Z_sci.fits</a></li>
</ul>
</body></html>
`
	nginx = "<html>\r\n<head><title>Index of /data/q2/</title></head>\r\n<body>\r\n<h1>Index of /data/q2/</h1><hr><pre><a href=\"../\">../</a>\r\n" +
		"<a href=\"MER/\">MER/</a>                                               21-Jun-2025 02:01                   -\r\n" +
		"<a href=\"EUC_VIS_SWL-DET-067070-00-1__20250621T020155.487037Z_sci.fits\">EUC_VIS_SWL-DET-067070-00-1__20250621T020155.48..&gt;</a> 21-Jun-2025 02:01          2447139840\r\n" +
		"</pre><hr></body>\r\n</html>\r\n"
	fancyindex = `<!DOCTYPE html><html><head><meta charset="utf-8"><title>Index of /data/q2/</title></head><body><h1>Index of /data/q2/</h1>
<table id="list"><thead><tr><th style="width:55%"><a href="?C=N&amp;O=A">File Name</a>&nbsp;<a href="?C=N&amp;O=D">&nbsp;&darr;&nbsp;</a></th></tr></thead>
<tbody><tr><td class="link"><a href="../">Parent directory/</a></td></tr>
<tr><td class="link"><a href="MER/" title="MER">MER/</a></td><td class="size">-</td></tr>
<tr><td class="link"><a href="EUC_VIS_SWL-DET-067070-00-1__20250621T020155.487037Z_sci.fits" title="x">EUC</a></td><td class="size">2.3 GiB</td></tr>
</tbody></table></body></html>`
	lighttpd = `<!DOCTYPE html>
<html><head><title>Index of /data/q2/</title></head><body><h2>Index of /data/q2/</h2><div class="list"><table>
<thead><tr><th class="n">Name</th></tr></thead><tbody>
<tr class="d"><td class="n"><a href="../">..</a>/</td></tr>
<tr class="d"><td class="n"><a href="MER/">MER</a>/</td></tr>
<tr><td class="n"><a href="EUC_VIS_SWL-DET-067070-00-1__20250621T020155.487037Z_sci.fits">EUC</a></td></tr>
</tbody></table></div><div class="foot">lighttpd/1.4.69</div></body></html>`
)

func read(page string) ([]string, error) {
	from, err := url.Parse("https://archive.example/data/q2/")
	if err != nil {
		return nil, err
	}
	entries, err := indexpage.Read(strings.NewReader(page), from)
	var names []string
	for _, e := range entries {
		if e.Dir {
			e.Name += "/"
		}
		names = append(names, e.Name)
	}
	slices.Sort(names)
	return names, err
}

// row is a page of Apache's with one more row.
func row(link string) string {
	return strings.Replace(table, "</table>", "<tr><td>"+link+"</td></tr>\n</table>", 1)
}

func TestForms(t *testing.T) {
	for name, page := range map[string]string{"table": table, "fancy": fancy, "list": list, "nginx": nginx, "fancyindex": fancyindex, "lighttpd": lighttpd, "upper case": strings.NewReplacer("<a href", "<A HREF", "</a>", "</A>", "<pre>", "<PRE>", "</pre>", "</PRE>", "</html>", "</HTML>").Replace(fancy)} {
		if got, err := read(page); err != nil || !slices.Equal(got, []string{det, "MER/"}) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// TestLinks: what is a child of the directory, as the file is called on the
// server's disk, and what is none.
func TestLinks(t *testing.T) {
	for link, more := range map[string]string{
		`<a href="a%20b.fits">a b</a>`:                                   "a b.fits",
		`<a href="a b.fits">a b</a>`:                                     "a b.fits",
		`<a href="a%2520b">a</a>`:                                        "a%20b",
		`<a href="a&amp;b.fits">a</a>`:                                   "a&b.fits",
		`<a href="a%26b.fits">a</a>`:                                     "a&b.fits",
		`<a href='a&#39;b.fits'>a</a>`:                                   "a'b.fits",
		`<a href=plain.fits>a</a>`:                                       "plain.fits",
		`<a href="%C3%BC.fits">ü</a>`:                                    "ü.fits",
		`<a href="ü.fits">ü</a>`:                                         "ü.fits",
		`<a href="./x.fits">x</a>`:                                       "x.fits",
		`<a href="./a:b.fits">x</a>`:                                     "a:b.fits",
		`<a href="/data/q2/x.fits">x</a>`:                                "x.fits",
		`<a href="/data/%712/x.fits">x</a>`:                              "x.fits",
		`<a href="https://archive.example/data/q2/x.fits">x</a>`:         "x.fits",
		`<a href="//archive.example/data/q2/x.fits">x</a>`:               "x.fits",
		`<a href="../q2/x.fits">x</a>`:                                   "x.fits",
		`<a href="x%3Fy.fits">x</a>`:                                     "x?y.fits",
		`<a href="x%23y.fits">x</a>`:                                     "x#y.fits",
		`<a href="VIS/">x</a><a href="VIS/">x</a>`:                       "VIS/",
		`<a class="x" href=" x.fits ">x</a>`:                             "x.fits",
		`<a name="top">x</a>`:                                            "",
		`<a href="">x</a>`:                                               "",
		`<a href="#top">x</a>`:                                           "",
		`<a href=".">x</a>`:                                              "",
		`<a href="..">x</a>`:                                             "",
		`<a href="../../">x</a>`:                                         "",
		`<a href="?C=S&O=D">x</a>`:                                       "",
		`<a href="/data/q2/?C=S;O=D">x</a>`:                              "",
		`<a href="?C=N;O=D;F=2;P=*">x</a>`:                               "",
		`<a href="https://elsewhere.example/data/q2/evil.fits">x</a>`:    "",
		`<a href="http://archive.example/data/q2/evil.fits">x</a>`:       "",
		`<a href="https://archive.example:8443/data/q2/evil.fits">x</a>`: "",
		`<a href="//elsewhere.example/data/q2/evil.fits">x</a>`:          "",
		`<a href="/data/q22/evil.fits">x</a>`:                            "",
		`<a href="../q1/evil.fits">x</a>`:                                "",
		`<a href="/etc/passwd">x</a>`:                                    "",
		`<a href="docs/readme.html">x</a>`:                               "",
		`<a href="x.fits?download=1">x</a>`:                              "",
		`<a href="mailto:help@archive.example">x</a>`:                    "",
		`<a href="javascript:history.back()">x</a>`:                      "",
		`<!-- <a href="x.fits">x</a> -->`:                                "",
		`<link href="style.css" rel="stylesheet">`:                       "",
	} {
		want := []string{det, "MER/"}
		if more != "" {
			want = append(want, more)
		}
		slices.Sort(want)
		if got, err := read(row(link)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v, want %q", link, got, err, want)
		}
	}
	// Outside of the listing nothing is one of its files.
	page := strings.Replace(table, "</body>", `<p>See <a href="README.txt">the notes</a></p></body>`, 1)
	if got, err := read(page); err != nil || len(got) != 2 {
		t.Errorf("a link below the listing: %q, %v", got, err)
	}
}

func TestRefused(t *testing.T) {
	head := "<html><head><title>Index of /data/q2</title></head><body><h1>Index of /data/q2</h1>"
	for name, c := range map[string]struct{ page, says string }{
		"empty":               {"", "it is empty"},
		"a portal":            {`<html><head><title>Euclid Q2 Archive</title></head><body><ul><li><a href="x.fits">x</a></li></ul></body></html>`, `its title is "Euclid Q2 Archive"`},
		"no title":            {`<html><body><pre><a href="x.fits">x</a></pre></body></html>`, "it has no title"},
		"a page for login":    {`<html><title>Sign in</title><body><form><input type="password" name="p"></form></body></html>`, "it asks for a password"},
		"a script's listing":  {`<html><title>Files</title><body><div id="root"></div><script src="/app.js"></script></body></html>`, "made by a script"},
		"an error of 200":     {`<html><title>404 Not Found</title><body><h1>Not Found</h1></body></html>`, "404 Not Found"},
		"python's":            {`<html><head><title>Directory listing for /data/q2/</title></head><body><ul><li><a href="x.fits">x</a></li></ul></body></html>`, "Directory listing for"},
		"go's":                {"<pre>\n<a href=\"x.fits\">x</a>\n</pre>\n", "no title"},
		"JSON":                {`[{"name":"x.fits","type":"file"}]`, "no title"},
		"cut at the start":    {table[:100], "title"},
		"cut in a row":        {table[:strings.Index(table, "EUC_VIS")+10], "it is cut: it ends within <table>"},
		"cut before a tag":    {fancy[:strings.Index(fancy, "<a href=\"EUC")], "it is cut: it ends within <pre>"},
		"cut between rows":    {list[:strings.Index(list, "<li><a href=\"EUC")], "it is cut: it ends within <ul>"},
		"cut after </table>":  {table[:strings.Index(table, "</table>")+8], "it is cut: it ends without </html>"},
		"nginx's, cut":        {nginx[:strings.Index(nginx, "</pre>")], "it is cut"},
		"no listing":          {head + "<p>nothing here</p></body></html>", "neither a table nor a list"},
		"only other servers":  {head + `<ul><li><a href="https://cdn.example/x.fits">x</a></li></ul></body></html>`, `it links to nothing in its directory, but to "https://cdn.example/x.fits"`},
		"only deeper files":   {head + `<ul><li><a href="VIS/x.fits">x</a></li></ul></body></html>`, "links to nothing in its directory"},
		"only downloads":      {head + `<ul><li><a href="x.fits?dl=1">x</a></li></ul></body></html>`, "links to nothing in its directory"},
		"pages":               {row(`<a href="?page=2">next</a>`), "one page of several"},
		"pages below":         {strings.Replace(table, "</body>", `<a href="?start=1000">more</a></body>`, 1), "one page of several"},
		"a next page":         {strings.Replace(table, "</body>", `<a rel="next" href="page2.html">more</a></body>`, 1), "it goes on at"},
		"a next page's link":  {strings.Replace(table, "</head>", `<link rel="next" href="page2.html"></head>`, 1), "it goes on at"},
		"a base":              {strings.Replace(table, "</head>", `<base href="https://evil.example/"></head>`, 1), "meant from"},
		"an escaped slash":    {row(`<a href="a%2Fb.fits">x</a>`), "not the name of a file"},
		"an escaped way up":   {row(`<a href="%2e%2e/">x</a>`), "not the name of a file"},
		"an escaped way up 2": {row(`<a href="..%2f..%2fetc%2fpasswd">x</a>`), "not the name of a file"},
		"a NUL":               {row(`<a href="a%00.fits">x</a>`), "not the name of a file"},
		"a line break":        {row(`<a href="a%0A.fits">x</a>`), "not the name of a file"},
		"a bad escape":        {row(`<a href="100%.fits">x</a>`), "can't be read"},
		"a bare colon":        {row(`<a href="1:b.fits">x</a>`), "can't be read"},
		"no name":             {row(`<a href=".//">x</a>`), ""},
		"a huge tag":          {row(`<a href="` + strings.Repeat("x", 100_000) + `">x</a>`), "more than 65536 bytes"},
		"two texts, one cut":  {strings.Replace(table, "<table>", "<pre>a note</pre><ul><li><table>", 1), "it is cut: it ends within <ul>"},
	} {
		got, err := read(c.page)
		var f *fault.Error
		if !errors.As(err, &f) || f.Code != indexpage.Code || f.Kind != fault.BadInput || f.Remedy == "" || !strings.Contains(err.Error(), c.says) || got != nil {
			t.Errorf("%s: %q, %v, want %q", name, got, err, c.says)
		}
		if cut := strings.HasPrefix(c.says, "it is cut"); cut != errors.Is(err, indexpage.ErrCut) {
			t.Errorf("%s: cut is %v: %v", name, !cut, err)
		}
	}
}

// TestBroken: what went wrong with the connection is not the page's fault.
func TestBroken(t *testing.T) {
	from := &url.URL{Scheme: "https", Host: "archive.example", Path: "/data/q2/"}
	broken := errors.New("reset")
	_, err := indexpage.Read(io.MultiReader(strings.NewReader(table[:500]), iotest.ErrReader(broken)), from)
	if !errors.Is(err, broken) || fault.KindOf(err) != fault.Unclassified {
		t.Errorf("%v", err)
	}
	if got, err := indexpage.Read(iotest.OneByteReader(strings.NewReader(table)), from); err != nil || len(got) != 2 {
		t.Errorf("byte by byte: %v, %v", got, err)
	}
}

// TestTooMany: a page that doesn't end is refused before memory is full.
func TestTooMany(t *testing.T) {
	from := &url.URL{Scheme: "https", Host: "archive.example", Path: "/data/q2/"}
	for says, line := range map[string]func(i int) string{
		"more than 500000 names": func(i int) string { return fmt.Sprintf("<a href=\"%d.fits\">x</a>\n", i) },
		"larger than 128 MiB":    func(int) string { return "<a href=\"x.fits\">" + strings.Repeat("x", 50_000) + "</a>\n" },
	} {
		i := 0
		endless := reader(func(p []byte) (int, error) {
			i++
			return copy(p, line(i)), nil
		})
		_, err := indexpage.Read(io.MultiReader(strings.NewReader(nginx[:150]), endless), from)
		if fault.CodeOf(err) != indexpage.Code || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}

type reader func(p []byte) (int, error)

func (r reader) Read(p []byte) (int, error) { return r(p) }

func FuzzRead(f *testing.F) {
	for _, page := range []string{table, fancy, list, nginx, fancyindex, lighttpd, row(`<a href="a%2Fb">x</a>`)} {
		f.Add(page)
	}
	f.Fuzz(func(t *testing.T, page string) {
		names, err := read(page)
		for _, n := range names {
			if bare := strings.TrimSuffix(n, "/"); err != nil || bare == "" || bare == "." || bare == ".." || strings.ContainsAny(bare, "/\x00\n\r") {
				t.Errorf("%q, %v", n, err)
			}
		}
	})
}
