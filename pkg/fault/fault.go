// Package fault names the kinds of failure that this suite acts on.
//
// A failure is classified where the knowledge is: the object store knows what
// is transient, the FITS reader knows what is bad data. Everyone in between
// wraps with what was being done and leaves the kind alone:
//
//	return fmt.Errorf("read header of %s: %w", uri, err)
//
// Code that has to decide asks [KindOf]; nobody looks at messages.
package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Kind says what may be done about a failure.
type Kind uint8

const (
	// Unclassified is any error that nobody classified: worth a bounded number of retries.
	Unclassified Kind = iota
	// BadInput is the user's to mend: an invalid configuration, a missing catalogue.
	BadInput
	// BadData is a product that can't be used as it is: corrupt FITS, a singular WCS.
	BadData
	// Transient passes by itself: throttling, a reset connection, a commit conflict.
	Transient
	// Bug is ours: a broken invariant or a panic.
	Bug
	// Canceled is a stop that was asked for: SIGTERM, Ctrl-C, a sibling's failure.
	Canceled
)

func (k Kind) String() string {
	return [...]string{"unclassified", "bad input", "bad data", "transient", "bug", "canceled"}[k]
}

// Error is a classified failure: which object, at which place in it, and the remedy.
type Error struct {
	Kind   Kind
	Code   string // one of few stable words, e.g. "ConfigInvalid"
	Object string // a URI or path; may be empty
	Place  string // an HDU, a line and column, a field; may be empty
	Remedy string // what to do about it; may be empty
	Err    error  // what went wrong
}

// Error is the whole as [Text]; lines within what went wrong stay.
func (e *Error) Error() string {
	var b strings.Builder
	for _, s := range []string{e.Object, e.Place} {
		if s != "" {
			b.WriteString(Text(s))
			b.WriteString(": ")
		}
	}
	said := e.Err.Error()
	if object := Text(e.Object); object != e.Object { // its lines are none of the message's
		said = strings.ReplaceAll(said, e.Object, object)
	}
	b.WriteString(Lines(said))
	if e.Remedy != "" {
		b.WriteString(" (")
		b.WriteString(Text(e.Remedy))
		b.WriteString(")")
	}
	return Masked(b.String())
}

func (e *Error) Unwrap() error { return e.Err }

// On names the object that failed.
func (e *Error) On(object string) *Error { e.Object = object; return e }

// At names the place inside the object.
func (e *Error) At(format string, a ...any) *Error { e.Place = fmt.Sprintf(format, a...); return e }

// Fix says what to do.
func (e *Error) Fix(format string, a ...any) *Error { e.Remedy = fmt.Sprintf(format, a...); return e }

// New makes an error of a kind; the format takes %w.
func New(kind Kind, code, format string, a ...any) *Error {
	return &Error{Kind: kind, Code: code, Err: fmt.Errorf(format, a...)}
}

// Input makes a [BadInput] error.
func Input(code, format string, a ...any) *Error { return New(BadInput, code, format, a...) }

// Data makes a [BadData] error.
func Data(code, format string, a ...any) *Error { return New(BadData, code, format, a...) }

// Passing makes a [Transient] error.
func Passing(code, format string, a ...any) *Error { return New(Transient, code, format, a...) }

// KindOf returns the kind of the outermost classified error in err's chain.
// A canceled context counts as Canceled, an expired deadline as Transient.
func KindOf(err error) Kind {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e.Kind
	case errors.Is(err, context.Canceled):
		return Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return Transient
	}
	return Unclassified
}

// CodeOf returns the code of the outermost classified error, or "" where there is none.
func CodeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
