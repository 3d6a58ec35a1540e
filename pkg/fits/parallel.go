package fits

import (
	"errors"
	"io"
	"sync"
)

// Guesses go as far ahead as the sizes seen so far warrant: firstGuesses
// headers where all that is known is one extension's size, then trust for each
// HDU that bore a pattern out.
const (
	firstGuesses = 8
	trust        = 8
)

// ReadIndexParallel returns what [ReadIndex] returns, faster where each read
// has to wait: files of many HDUs repeat a few sizes, so the next ones can be
// guessed and up to workers of their headers be read at once. A guess is taken
// only where the chain of sizes confirms it: each header read is checked to
// start where the HDU before it ends. Where a guess is wrong, the walk goes on
// one by one until sizes repeat again; files without a pattern cost about as
// many reads in vain as they have HDUs, not more. r must allow concurrent reads.
//
// A file of n like extensions takes the time of one read for the primary HDU and
// the first of them, of one for firstGuesses of them, and of n/workers reads.
func ReadIndexParallel(r io.ReaderAt, size int64, workers int) ([]*HDU, error) {
	s := scanner{r: r, size: max(size, 0), window: firstWindow}
	var all []*HDU
	for offset := int64(0); len(all) == 0 || offset < size; offset = all[len(all)-1].End() {
		if ahead := s.guess(all); len(ahead) > 1 && workers > 1 {
			n := len(all)
			if all = s.confirm(all, ahead, workers); len(all) > n {
				continue
			}
		}
		h, err := s.next(len(all), offset)
		if err != nil {
			return nil, err
		}
		all = append(all, h)
	}
	return all, nil
}

// period returns after how many HDUs their sizes repeat and for how many HDUs
// they have done so: the period with the longest history, 0 where there is none.
func period(all []*HDU) (period, history int) {
	const longest = 8
	for p := 1; p <= longest; p++ {
		run := 0
		for i := len(all) - 1; i >= p && all[i].Length() == all[i-p].Length(); i-- {
			run++
		}
		if run >= p && run > history {
			period, history = p, run
		}
	}
	return period, history
}

// guess returns where the next HDUs are likely to start: the first is certain.
func (s *scanner) guess(all []*HDU) []int64 {
	p, history := period(all)
	count := trust * history
	if len(all) == 2 && p == 0 {
		p, count = 1, firstGuesses // the second extension may well be like the first
	}
	if p == 0 || s.vain > len(all)+firstGuesses {
		return nil
	}
	var ahead []int64
	n := len(all)
	for offset, i := all[n-1].End(), 0; i < count && offset+Block <= s.size; i++ {
		ahead = append(ahead, offset)
		offset += all[n-p+i%p].Length()
	}
	return ahead
}

// confirm appends the HDUs at offsets up to the first that isn't where it was
// guessed. Headers are read ahead of the one that is looked at, up to workers
// at a time. It reports no failure: what it leaves out is read again one by
// one, and fails there.
func (s *scanner) confirm(all []*HDU, offsets []int64, workers int) []*HDU {
	queue := make(chan chan []byte, workers-1)
	stop := make(chan struct{})
	window, first, started := s.window, len(all), 0
	var group sync.WaitGroup
	group.Go(func() {
		defer close(queue)
		for _, offset := range offsets {
			slot := make(chan []byte, 1)
			select {
			case queue <- slot:
			case <-stop:
				return
			}
			started++
			group.Go(func() { slot <- s.peek(offset, window) })
		}
	})
	for i := range offsets {
		h := s.expect(len(all), offsets[i], <-<-queue)
		if h == nil {
			break
		}
		if all = append(all, h); i+1 < len(offsets) && h.End() != offsets[i+1] {
			break
		}
	}
	close(stop)
	group.Wait()
	s.vain += started - (len(all) - first)
	return all
}

// peek reads what a window from offset on holds, nil where that fails.
func (s *scanner) peek(offset, window int64) []byte {
	buf := make([]byte, min(window, s.size-offset))
	n, err := s.r.ReadAt(buf, offset)
	if n != len(buf) && !errors.Is(err, io.EOF) {
		return nil
	}
	return buf[:n]
}

// expect is the HDU whose header raw starts with, nil where it holds none or not all of it.
func (s *scanner) expect(index int, offset int64, raw []byte) *HDU {
	if checkStart(raw, index, offset) != nil {
		return nil
	}
	header, end, err := parseHeader(raw)
	if err != nil || header == nil {
		return nil
	}
	h, err := s.admit(index, offset, Pad(int64(end)), header)
	if err != nil {
		return nil
	}
	return h
}
