package filelist

import (
	"context"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cosmostat/constellation/pkg/bounds"
	"github.com/cosmostat/constellation/pkg/columnar"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// longestLine is what a line of CSV has at most, and window how much of a list
// is read at a time.
const (
	longestLine = 16 << 10
	window      = 1 << 20
)

const form = "a file list is CSV or Parquet with the columns product, part, obs_id, dither, exposure, tile_id, release, uri, size, etag, of which product and uri must be there; `constellation index export` writes one"

// scan gives a list's rows to visit, with their places in it, checked.
func scan(ctx context.Context, r objstore.Reader, uri string, visit func(Row) error) error {
	info, err := r.Stat(ctx, uri)
	if err != nil {
		return err
	}
	at := objstore.ReaderAt(ctx, r, info)
	magic := make([]byte, min(4, info.Size))
	if _, err := at.ReadAt(magic, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	n := 0
	checked := func(row Row) error {
		if n++; n > MaxRows {
			return fault.Input(CodeInvalid, "it has more than %d rows", MaxRows).On(uri).Fix("leave out what is neither VIS nor MER, or split the survey into several configurations")
		}
		if column, need := row.check(); column != "" {
			return row.refuse(uri, column, "%q, need %s", row.value(column), need).Fix("mend the row, or write the list anew")
		}
		return visit(row)
	}
	if string(magic) == "PAR1" {
		return scanParquet(at, info.Size, uri, checked)
	}
	return scanCSV(io.NewSectionReader(objstore.Window(at, info.Size, window), 0, info.Size), uri, checked)
}

// value is what a row has in a column.
func (r *Row) value(column string) string {
	return *r.fields()[slices.Index(columns, column)]
}

func scanCSV(r io.Reader, uri string, visit func(Row) error) error {
	in := csv.NewReader(bounds.Lines(r, longestLine, func(line int) error {
		return fault.Input(CodeInvalid, "a line has more than %d bytes", longestLine).On(uri).At("line %d", line).Fix(form)
	}))
	in.Comment, in.ReuseRecord = '#', true
	head, err := in.Read()
	if err != nil {
		return csvError(err, uri)
	}
	at, err := headed(head, uri)
	if err != nil {
		return err
	}
	for {
		rec, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return csvError(err, uri)
		}
		line, _ := in.FieldPos(0)
		row := Row{place: place("line", line), number: line}
		for i, f := range row.fields() {
			if at[i] >= 0 {
				*f = strings.Clone(rec[at[i]])
			}
			if !utf8.ValidString(*f) {
				return row.refuse(uri, columns[i], "%q is not UTF-8", *f).Fix("write the list in UTF-8")
			}
		}
		if err := visit(row); err != nil {
			return err
		}
	}
}

// headed finds where each column stands; -1: nowhere.
func headed(head []string, uri string) (at []int, err error) {
	for _, want := range columns {
		found := -1
		for j, name := range head {
			if !strings.EqualFold(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff")), want) {
				continue
			}
			if found >= 0 {
				return nil, fault.Input(CodeInvalid, "several columns are called %s", want).On(uri).At("line 1").Fix("leave one of them, or give the others other names")
			}
			found = j
		}
		if found < 0 && (want == "product" || want == "uri") {
			return nil, fault.Input(CodeInvalid, "no column %s", want).On(uri).At("line 1").Fix(form)
		}
		at = append(at, found)
	}
	return at, nil
}

// csvError keeps failures of the store as they are.
func csvError(err error, uri string) error {
	var p *csv.ParseError
	switch {
	case errors.Is(err, io.EOF):
		return fault.Input(CodeInvalid, "the list is empty").On(uri).Fix(form)
	case errors.As(err, &p):
		return fault.Input(CodeInvalid, "%w", p.Err).On(uri).At("line %d", p.Line).Fix("each line of CSV has as many fields as the first, and a field with a comma or a quote in it stands in quotes")
	}
	return err
}

func scanParquet(at io.ReaderAt, size int64, uri string, visit func(Row) error) error {
	in := columnar.Reader[Row]{Columns: parquetColumns(), AnyCase: true, MaxRows: MaxRows,
		Corrupt: CodeInvalid, Missing: CodeInvalid, Invalid: CodeInvalid, Remedy: form + "; in Parquet all are text, or integers where they are numbers, in row groups of up to 100,000 rows"}
	n := 0
	err := in.Scan(at, size, func(rows []Row) error {
		for _, row := range rows {
			n++
			row.place, row.number = place("row", n), n
			if err := visit(row); err != nil {
				return err
			}
		}
		return nil
	})
	var bad *fault.Error
	if errors.As(err, &bad) && bad.Code == CodeInvalid {
		bad.Kind = fault.BadInput // somebody chose the file
		if bad.Object == "" {
			bad.Object = uri
		}
	}
	return err
}
