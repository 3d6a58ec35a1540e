package objstore

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore/indexpage"
)

const (
	pagesAtOnce  = 8
	statsAtOnce  = 32
	mostDepth    = 32
	mostWebPages = 500_000 // of one listing: a survey's tiles have some ten directories each
)

// Namer lists names where sizes cost a request each.
type Namer interface {
	// ListNames is List, but for an Info without an ETag all is unknown except the
	// URI: Stat says the rest, or that the object is not there.
	ListNames(ctx context.Context, prefix string, visit func(Info) error) error
}

// ListNames lists for those who need size and ETag of some objects only.
func ListNames(ctx context.Context, l Lister, prefix string, visit func(Info) error) error {
	if n, ok := l.(Namer); ok {
		return n.ListNames(ctx, prefix, visit)
	}
	return l.List(ctx, prefix, visit)
}

// List asks about each file that is listed, since pages have rounded sizes.
func (s *webStore) List(ctx context.Context, prefix string, visit func(Info) error) error {
	var some []Info
	flush := func() error {
		there := make([]bool, len(some))
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(statsAtOnce)
		for i := range some {
			g.Go(func() error {
				info, err := s.Stat(gctx, some[i].URI)
				if there[i] = err == nil; fault.CodeOf(err) == NotFound {
					return nil // removed since, or a link to nowhere
				}
				some[i] = info
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
		for i, info := range some {
			if !there[i] {
				continue
			}
			if err := visit(info); err != nil {
				return err
			}
			if err := stopped(ctx, "list", prefix); err != nil {
				return err
			}
		}
		some = some[:0]
		return nil
	}
	err := s.ListNames(ctx, prefix, func(i Info) error {
		if some = append(some, i); len(some) < 4*statsAtOnce {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}

// ListNames reads the index page of the directory that prefix begins in, and
// those of the directories below it, a few ahead of the one that is visited.
func (s *webStore) ListNames(ctx context.Context, prefix string, visit func(Info) error) error {
	if _, err := webURL(prefix); err != nil {
		return err
	}
	if err := stopped(ctx, "list", prefix); err != nil {
		return err
	}
	_, path, _ := strings.Cut(prefix, "://")
	if !strings.Contains(path, "/") {
		prefix += "/"
	}
	ctx, cancel := context.WithCancel(ctx)
	w := &webWalk{ctx: ctx, s: s, prefix: prefix, visit: visit, turns: make(chan struct{}, pagesAtOnce)}
	defer w.wait.Wait()
	defer cancel()
	dir := prefix[:strings.LastIndexByte(prefix, '/')+1]
	err := w.dir(dir, w.fetch(dir), 0)
	if w.rootMissing && IsNotFound(err) {
		return nil // a prefix without objects
	}
	return err
}

type webWalk struct {
	ctx         context.Context
	s           *webStore
	prefix      string
	visit       func(Info) error
	turns       chan struct{}
	wait        sync.WaitGroup
	pages       atomic.Int64
	rootMissing bool
}

// fetch begins to read a directory's page; what it returns waits for it.
func (w *webWalk) fetch(dir string) func() ([]string, error) {
	type result struct {
		keys []string
		err  error
	}
	done := make(chan result, 1)
	w.wait.Go(func() {
		w.turns <- struct{}{}
		defer func() { <-w.turns }()
		if w.pages.Add(1) > mostWebPages {
			done <- result{err: w.s.notListed(dir, "more than %d directories lie below %s", mostWebPages, w.prefix)}
			return
		}
		keys, err := w.s.page(w.ctx, dir)
		done <- result{keys, err}
	})
	return func() ([]string, error) { r := <-done; return r.keys, r.err }
}

// dir visits what is in a directory.
func (w *webWalk) dir(dir string, page func() ([]string, error), depth int) error {
	keys, err := page()
	switch {
	case IsNotFound(err) && depth == 0:
		w.rootMissing = true
		return err
	case IsNotFound(err):
		return w.s.notListed(dir, "the page of the directory above it links to it, and it isn't there")
	case err != nil:
		return err
	case depth > mostDepth:
		return w.s.notListed(dir, "directories lie in each other %d deep: one may lead back into itself", mostDepth)
	}
	keys = slices.DeleteFunc(keys, func(k string) bool {
		uri := dir + k
		return !strings.HasPrefix(uri, w.prefix)
	})
	var below []string
	for _, k := range keys {
		if strings.HasSuffix(k, "/") {
			below = append(below, k)
		}
	}
	var ahead []func() ([]string, error)
	for _, k := range keys {
		if err := stopped(w.ctx, "list", dir); err != nil {
			return err
		}
		if !strings.HasSuffix(k, "/") {
			if err := w.visit(Info{URI: dir + k}); err != nil {
				return err
			}
			continue
		}
		for len(ahead) < pagesAtOnce && len(below) > 0 {
			ahead, below = append(ahead, w.fetch(dir+below[0])), below[1:]
		}
		next := ahead[0]
		ahead = ahead[1:]
		if err := w.dir(dir+k, next, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// page is what lies in a directory, percent-encoded and in the order of the
// names as S3 has it: directories end with a slash. A page that breaks off is asked for again.
func (s *webStore) page(ctx context.Context, dir string) ([]string, error) {
	for try := 1; ; try++ {
		keys, err := s.pageOnce(ctx, dir)
		known := fault.KindOf(err) != fault.Unclassified && !errors.Is(err, indexpage.ErrCut)
		switch stop := stopped(ctx, "list", dir); {
		case stop != nil:
			return nil, stop
		case err == nil, known:
			return keys, err
		case try > maxResumes && errors.Is(err, indexpage.ErrCut):
			return nil, err
		case try > maxResumes:
			return nil, fault.Passing(ConnectionLost, "list: the connection broke %d times: %w", try, err).On(dir)
		}
		if pause(ctx, try) != nil {
			return nil, stopped(ctx, "list", dir)
		}
	}
}

func (s *webStore) pageOnce(ctx context.Context, dir string) ([]string, error) {
	a, err := s.ask(ctx, "list", methodList, dir, http.Header{"Accept": {"text/html"}})
	if err != nil {
		return nil, err
	}
	defer a.Body.Close()
	switch kind, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type")); {
	case a.StatusCode == http.StatusForbidden, a.StatusCode == http.StatusUnauthorized:
		return nil, fault.Input(AccessDenied, "list: the server answers %q: it gives no list of this directory, at least not to everybody", a.Status).On(dir).Fix("%s", byName)
	case a.StatusCode != http.StatusOK:
		return nil, a.refusal()
	case kind != "text/html" && kind != "application/xhtml+xml":
		return nil, s.notListed(dir, "it is no web page (Content-Type: %q)", a.Header.Get("Content-Type"))
	}
	if coding := a.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return nil, s.notListed(dir, "it is encoded for the way (Content-Encoding: %q), though that was declined", coding)
	}
	entries, err := indexpage.Read(a.Body, a.Request.URL)
	if err != nil {
		var f *fault.Error
		if errors.As(err, &f) {
			return nil, f.On(dir)
		}
		return nil, err
	}
	key := func(e indexpage.Entry) string {
		if e.Dir {
			return e.Name + "/"
		}
		return e.Name
	}
	slices.SortFunc(entries, func(a, b indexpage.Entry) int { return strings.Compare(key(a), key(b)) })
	keys := make([]string, len(entries))
	for i, e := range entries {
		if keys[i] = url.PathEscape(e.Name); e.Dir {
			keys[i] += "/"
		}
	}
	return keys, nil
}

func (s *webStore) notListed(dir, format string, a ...any) error {
	return fault.Input(ListingInvalid, "list: the page is no index of a directory that can be used: %s", fmt.Sprintf(format, a...)).On(dir).Fix("%s", byName)
}
