package filelist

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unique"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// maxExamples bounds how many of several are named.
const maxExamples = 5

// List is a list that was read. It stands for the listings of VIS and MER: see
// [euclid.NamedLister].
type List struct {
	objstore.Reader
	// Notes say in a line each what was not taken.
	Notes []string

	uri     string
	entries []euclid.Entry
}

// item is a row as long as the list is being read.
type item struct {
	euclid.Entry
	key, what string
	place     string
	number    int // of the row
}

// Read reads a list. Its files are read from r, too. A list with two rows for one
// product, or whose rows contradict the names of their files, is bad input, code
// FileList. Where a row lacks size or entity tag, they are for who wants the file
// to ask for.
func Read(ctx context.Context, r objstore.Reader, uri string) (*List, error) {
	var items []item
	others, of := 0, map[string]bool{}
	err := scan(ctx, r, uri, func(row Row) error {
		if _, known := vis(row.Product); !known {
			if others++; len(of) < maxExamples {
				of[row.Product] = true
			}
			return nil
		}
		it, err := row.item(uri)
		items = append(items, it)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := once(items, uri); err != nil {
		return nil, err
	}
	l := &List{Reader: r, uri: uri, entries: make([]euclid.Entry, len(items))}
	for i := range items {
		l.entries[i] = items[i].Entry
	}
	if others > 0 {
		l.Notes = append(l.Notes, fmt.Sprintf("rows of %s with another product, not read: %d (%s)", objstore.Base(uri), others, examples(of)))
	}
	return l, nil
}

func examples(of map[string]bool) string {
	var words []string
	for w := range of {
		words = append(words, fmt.Sprintf("%q", w))
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}

// item is the row as what it lists.
func (r *Row) item(list string) (it item, err error) {
	it = item{key: r.key(), what: r.what(), place: r.place, number: r.number}
	it.URI, it.ETag = beside(list, r.URI), r.ETag
	if err := objstore.CheckObject(it.URI); err != nil {
		return it, r.refuse(list, "uri", "%q: %w", r.URI, err).Fix("give the file's URI, or its path below the list's directory")
	}
	if r.Size != "" {
		it.Size, _ = strconv.ParseInt(r.Size, 10, 64) // 18 digits at most
	}
	it.Name = euclid.Name{
		Maker: euclid.MadeByMER, Product: same(r.Product), Part: same(r.Part),
		Obs: same(r.Obs), Dither: same(r.Dither), Number: same(r.Exposure), Release: same(r.Release),
	}
	if is, _ := vis(r.Product); is {
		it.Name.Maker = euclid.MadeByVIS
	} else if it.Name.Tile, err = strconv.ParseInt(r.Tile, 10, 64); err != nil {
		return it, err
	}
	column, said := it.Agree()
	if column != "" {
		return it, r.refuse(list, column, "the row says %q, the file's name %q", r.value(column), said).On(list).
			Fix("mend the row, or give the file the name of what it holds: %s", it.URI)
	}
	return it, nil
}

// same keeps one string of all equal ones.
func same(s string) string { return unique.Make(s).Value() }

// beside is a URI as it stands, or below the list's directory.
func beside(list, uri string) string {
	if strings.Contains(uri, "://") || strings.HasPrefix(uri, "/") {
		return uri
	}
	return list[:strings.LastIndexByte(list, '/')+1] + uri
}

// once refuses two rows of one product, and one file for two. Rows are put into
// the order of their URIs.
func once(items []item, list string) error {
	for _, c := range []struct {
		by   func(*item) string
		same func(a, b *item) error
	}{
		{func(i *item) string { return i.key }, func(a, b *item) error {
			return fault.Input(CodeInvalid, "two rows for %s: %q and %q", a.what, a.URI, b.URI).On(list).At("%s and %s", a.place, b.place).
				Fix("keep the row of the file that counts")
		}},
		{func(i *item) string { return i.URI }, func(a, b *item) error {
			if a.Name.Product == euclid.PSF && b.Name.Product == euclid.PSF {
				return nil // one serves several exposures
			}
			return fault.Input(CodeInvalid, "one file is %s and %s: %q", a.what, b.what, a.URI).On(list).At("%s and %s", a.place, b.place).
				Fix("mend the row that names the wrong file")
		}},
	} {
		slices.SortFunc(items, func(a, b item) int { return cmp.Or(strings.Compare(c.by(&a), c.by(&b)), a.number-b.number) })
		for i := 1; i < len(items); i++ {
			if a, b := &items[i-1], &items[i]; c.by(a) == c.by(b) {
				if err := c.same(a, b); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// List would list a store: a file list has products, no directories.
func (l *List) List(context.Context, string, func(objstore.Info) error) error {
	return fault.New(fault.Bug, CodeInvalid, "a file list has no directories").On(l.uri)
}

// ListNamed visits all files, in the order of their URIs.
func (l *List) ListNamed(ctx context.Context, visit func(euclid.Entry) error) error {
	for _, e := range l.entries {
		if err := errors.Join(ctx.Err(), visit(e)); err != nil {
			return err
		}
	}
	return nil
}
