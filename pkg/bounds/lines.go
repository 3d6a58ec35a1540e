package bounds

import "io"

// Lines refuses lines of more than so many bytes: a reader of CSV makes far more
// of a line of nothing but commas than its bytes. refuse makes the error, of the
// line's number, from 1.
func Lines(r io.Reader, most int, refuse func(line int) error) io.Reader {
	return &lines{r: r, most: most, refuse: refuse, line: 1}
}

type lines struct {
	r             io.Reader
	most, line, n int
	refuse        func(int) error
}

func (l *lines) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	for _, c := range p[:n] {
		if l.n++; c == '\n' {
			l.line, l.n = l.line+1, 0
		}
		if l.n > l.most {
			return 0, l.refuse(l.line)
		}
	}
	return n, err
}
