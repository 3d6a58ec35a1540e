// Package indexpage reads the page by which a web server lists a directory, in
// the forms of Apache's mod_autoindex (table, preformatted, plain list), nginx's
// autoindex and fancyindex, and what looks like them.
//
// A page is believed where it says that it is an index and is there to its end;
// any other is refused, since half of a listing looks like the whole of one.
// Sizes and times on such pages are rounded, and are not read.
package indexpage

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"github.com/cosmostat/constellation/pkg/fault"
)

// Code is that of all that is wrong with a page itself.
const Code = "ListingInvalid"

const (
	mostBytes = 128 << 20 // some 400,000 files, as Apache lists them
	mostNames = 500_000
	mostToken = 64 << 10 // of one tag with its attributes
)

const remedy = "give a directory that Apache or nginx lists, or name the files in a list (data.files)"

// ErrCut is in the error about a page that ends before its end.
var ErrCut = errors.New("it is cut")

// Entry is a file or a directory, by its name as it is on the server's disk.
type Entry struct {
	Name string
	Dir  bool
}

// Read takes a page apart that came from a URL, whatever its last element is called. The
// entries are in no order, each of them once. An error of the reader is
// returned as it is; any other has [Code], and no object.
func Read(r io.Reader, from *url.URL) ([]Entry, error) {
	p := &page{from: from, seen: map[Entry]bool{}}
	p.dir = spelt(from)
	p.dir = p.dir[:strings.LastIndexByte(p.dir, '/')+1]
	bounded := &counted{r: r}
	z := html.NewTokenizer(bounded)
	z.SetMaxBuf(mostToken)
	for p.wrong == nil {
		switch z.Next() {
		case html.ErrorToken:
			if err := p.ended(z.Err(), bounded); err != nil {
				return nil, err
			}
			return p.entries, nil
		case html.StartTagToken, html.SelfClosingTagToken:
			p.start(z)
		case html.EndTagToken:
			p.end(z)
		case html.TextToken:
			p.text(z)
		}
	}
	return nil, p.wrong
}

// counted ends a page that is too large.
type counted struct {
	r io.Reader
	n int64
}

var errTooLarge = errors.New("the page is too large")

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if c.n += int64(n); c.n > mostBytes {
		return 0, errTooLarge
	}
	return n, err
}

// page is how far the reading of one has come.
type page struct {
	from *url.URL
	dir  string // its path, escaped

	title   strings.Builder
	heading string // the element whose text is being read: title, h1 or h2
	said    string // the first such text
	index   bool   // the page says that it is an index
	open    []string
	areas   int  // preformatted texts, tables and lists that were closed
	whole   bool // </html> came
	login   bool
	script  bool

	entries []Entry
	seen    map[Entry]bool
	strange string // the first link in the listing that is not one of a directory's children
	wrong   error
}

// isArea says whether listings stand in elements of that name.
func isArea(name string) bool { return name == "pre" || name == "table" || name == "ul" }

func (p *page) start(z *html.Tokenizer) {
	raw, more := z.TagName()
	name := string(raw)
	var href, rel, kind string
	linked := false
	for more {
		var key, value []byte
		key, value, more = z.TagAttr()
		switch string(key) {
		case "href":
			if !linked { // of two attributes of one name the first counts
				href, linked = strings.TrimSpace(string(value)), true
			}
		case "rel":
			rel = strings.ToLower(string(value))
		case "type":
			kind = strings.ToLower(string(value))
		}
	}
	switch {
	case name == "title", name == "h1", name == "h2":
		p.heading = name
		p.title.Reset()
	case isArea(name):
		p.open = append(p.open, name)
	case name == "script":
		p.script = true
	case name == "input" && kind == "password":
		p.login = true
	case name == "base" && linked:
		p.refuse("it says that its links are meant from %q on (base)", short(href))
	case (name == "a" || name == "link") && linked && slices.Contains(strings.Fields(rel), "next"):
		p.refuse("it goes on at %q: it is not the whole listing", short(href))
	case name == "a" && linked:
		p.link(href)
	}
}

func (p *page) text(z *html.Tokenizer) {
	if p.heading != "" && p.title.Len() < 300 {
		p.title.Write(z.Text())
	}
}

func (p *page) end(z *html.Tokenizer) {
	raw, _ := z.TagName()
	switch name := string(raw); {
	case name == p.heading && name != "":
		text := strings.TrimSpace(p.title.String())
		if p.said == "" {
			p.said = text
		}
		if p.heading = ""; strings.HasPrefix(strings.ToLower(text), "index of ") {
			p.index = true
		}
	case isArea(name):
		if i := slices.Index(p.open, name); i >= 0 {
			last := len(p.open) - 1
			for p.open[last] != name {
				last--
			}
			p.open = slices.Delete(p.open, last, last+1)
			p.areas++
		}
	case name == "html":
		p.whole = true
	}
}

// link takes one: a child of the directory, or one of those that every index has.
func (p *page) link(href string) {
	if href == "" || href[0] == '#' {
		return
	}
	ref, err := url.Parse(href)
	if err != nil {
		p.refuse("its link %q can't be read", short(href))
		return
	}
	to := p.from.ResolveReference(ref)
	path := spelt(to)
	listed := len(p.open) > 0
	switch {
	case to.Scheme != p.from.Scheme || to.Host != p.from.Host || to.Opaque != "":
		p.odd(listed, href)
	case path == p.dir && to.RawQuery != "":
		p.sorting(to.RawQuery, href)
	case strings.HasPrefix(p.dir, path) && strings.HasSuffix(path, "/"): // itself, or above
	case !strings.HasPrefix(path, p.dir), to.RawQuery != "":
		p.odd(listed, href)
	case listed:
		p.child(path[len(p.dir):], href)
	}
}

// spelt is a URL's path in one spelling, whichever characters are escaped in it.
func spelt(u *url.URL) string {
	elements := strings.Split(u.EscapedPath(), "/")
	for i, e := range elements {
		if name, err := url.PathUnescape(e); err == nil {
			elements[i] = url.PathEscape(name)
		}
	}
	return strings.Join(elements, "/")
}

// odd notes a link that leads elsewhere. In a listing without any child of the
// directory it says that the page is something else.
func (p *page) odd(listed bool, href string) {
	if listed && p.strange == "" {
		p.strange = href
	}
}

// sorting looks at a link to the same page: indexes have those that sort it
// otherwise, and a page that is one of several has those to the others.
func (p *page) sorting(query, href string) {
	for _, kv := range strings.FieldsFunc(query, func(r rune) bool { return r == ';' || r == '&' }) {
		key, value, _ := strings.Cut(kv, "=")
		if len(key) != 1 || !strings.Contains("CFOPV", key) || len(value) > 1 {
			p.refuse("its link %q is not one that sorts it: it may be one page of several", short(href))
			return
		}
		p.index = p.index || key == "C"
	}
}

func (p *page) child(rest, href string) {
	rest, dir := strings.CutSuffix(rest, "/")
	if strings.Contains(rest, "/") { // deeper: as READMEs have them
		p.odd(true, href)
		return
	}
	name, err := url.PathUnescape(rest)
	if err != nil || name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00\n\r") {
		p.refuse("its link %q is not the name of a file in this directory", short(href))
		return
	}
	e := Entry{name, dir}
	if p.seen[e] {
		return
	}
	if len(p.entries) == mostNames {
		p.refuse("it has more than %d names", mostNames)
		return
	}
	p.seen[e] = true
	p.entries = append(p.entries, e)
}

// ended says what is wrong with a page as a whole.
func (p *page) ended(err error, read *counted) error {
	switch {
	case errors.Is(err, html.ErrBufferExceeded):
		p.refuse("it has a tag or a text of more than %d bytes", mostToken)
	case errors.Is(err, errTooLarge):
		p.refuse("it is larger than %d MiB", mostBytes>>20)
	case err != io.EOF:
		return err
	case read.n == 0:
		p.refuse("it is empty")
	case !p.index:
		p.refuse("%s", p.other())
	case len(p.open) > 0:
		p.refuse("%w: it ends within <%s>, after %d names", ErrCut, p.open[len(p.open)-1], len(p.entries))
	case !p.whole:
		p.refuse("%w: it ends without </html>, after %d names", ErrCut, len(p.entries))
	case p.areas == 0:
		p.refuse("it has neither a table nor a list of files")
	case len(p.entries) == 0 && p.strange != "":
		p.refuse("it links to nothing in its directory, but to %q", short(p.strange))
	}
	return p.wrong
}

// other is what a page may be that doesn't say it is an index.
func (p *page) other() string {
	called := "it has no title"
	if p.said != "" {
		called = fmt.Sprintf("its title is %q", short(p.said))
	}
	switch {
	case p.login:
		return "it asks for a password; " + called
	case p.script && len(p.entries) == 0:
		return "it is made by a script in the browser; " + called
	}
	return "it doesn't say that it is the index of a directory; " + called
}

func (p *page) refuse(format string, a ...any) {
	if p.wrong == nil {
		p.wrong = fault.Input(Code, "list: the page is no index of a directory that can be used: "+format, a...).Fix("%s", remedy)
	}
}

func short(s string) string { return s[:min(len(s), 100)] }
