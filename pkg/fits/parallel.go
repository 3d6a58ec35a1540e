package fits

import (
	"errors"
	"io"
	"sync"
)

// ReadIndexParallel returns what [ReadIndex] returns, faster where each read
// has to wait: files of many HDUs repeat a few sizes, so the next ones can be
// guessed and up to workers of their headers be read at once. A guess is taken
// only where the chain of sizes confirms it: each header read is checked to
// start where the HDU before it ends. Where a guess is wrong, the walk goes on
// one by one until sizes repeat again. r must allow concurrent reads.
func ReadIndexParallel(r io.ReaderAt, size int64, workers int) ([]*HDU, error) {
	s := scanner{r: r, size: max(size, 0), window: firstWindow}
	var all []*HDU
	for offset := int64(0); len(all) == 0 || offset < size; offset = all[len(all)-1].End() {
		if ahead := s.guess(all, workers); len(ahead) > 1 {
			all = append(all, s.confirm(all, ahead)...)
			if offset = all[len(all)-1].End(); offset >= size {
				break
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
// It goes no further ahead than count, nor than the history warrants, so that
// files without a pattern cost few reads in vain.
func (s *scanner) guess(all []*HDU, count int) []int64 {
	p, history := period(all)
	if p == 0 {
		return nil
	}
	count = min(count, 4*history)
	ahead := make([]int64, 0, max(count, 0))
	n := len(all)
	for offset, i := all[n-1].End(), 0; i < count && offset+Block <= s.size; i++ {
		ahead = append(ahead, offset)
		offset += all[n-p+i%p].Length()
	}
	return ahead
}

// confirm reads the headers at offsets at once and returns the HDUs up to the
// first that isn't where it was guessed. It reports no failure: what it leaves
// out is read again one by one, and fails there.
func (s *scanner) confirm(all []*HDU, offsets []int64) []*HDU {
	raw := make([][]byte, len(offsets))
	var group sync.WaitGroup
	for i, offset := range offsets {
		group.Go(func() {
			buf := make([]byte, min(s.window, s.size-offset))
			if n, err := s.r.ReadAt(buf, offset); n == len(buf) || errors.Is(err, io.EOF) {
				raw[i] = buf[:n]
			}
		})
	}
	group.Wait()
	var found []*HDU
	for i, offset := range offsets {
		index := len(all) + i
		if i > 0 && found[i-1].End() != offset || checkStart(raw[i], index, offset) != nil {
			break
		}
		header, end, err := parseHeader(raw[i])
		if err != nil || header == nil {
			break
		}
		h, err := s.admit(index, offset, Pad(int64(end)), header)
		if err != nil {
			break
		}
		found = append(found, h)
	}
	return found
}
