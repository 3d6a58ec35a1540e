package fits

import (
	"errors"
	"io"
	"sync"
)

const (
	// trust is how many more HDUs are guessed for each one that bore a pattern out.
	trust = 64
	// longest is the longest pattern that is looked for, in HDUs.
	longest = 8
	// largeData are data that a header can't be taken for a part of.
	largeData = 32 * Block
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
// the first of them, and of n/workers reads.
//
// Where whole is not nil, it says by the EXTNAME which extensions' headers are
// wanted: the Header of others is nil. Of those, the first block is read, which
// has the name and the size of the data. That the rest of the header is as long
// as those of its likes follows from the next HDU being where it then must be:
// only HDUs that are shorter than a header could hide between. So this is done
// only where data are far larger than headers.
func ReadIndexParallel(r io.ReaderAt, size int64, workers int, whole func(name string) bool) ([]*HDU, error) {
	s := scanner{r: r, size: max(size, 0), window: firstWindow, whole: whole}
	var all []*HDU
	for offset := int64(0); len(all) == 0 || offset < size; offset = all[len(all)-1].End() {
		if ahead := s.guess(all, workers); len(ahead) > 1 && workers > 1 {
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
	if whole != nil {
		for _, h := range all[1:] {
			if !whole(h.Name) {
				h.Header = nil
			}
		}
	}
	return all, nil
}

// period returns after how many HDUs their sizes repeat and for how many HDUs
// they have done so: the period with the longest history, 0 where there is none.
func period(all []*HDU) (period, history int) {
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

// place is where an HDU is likely to start.
type place struct {
	offset int64
	like   *HDU // one that it is likely to be as large as
	start  bool // only the first block of the header is to be read
}

// guess returns where the next HDUs are likely to be: the first start is certain.
func (s *scanner) guess(all []*HDU, workers int) []place {
	p, history := period(all)
	count := trust * history
	if len(all) == 2 && p == 0 {
		p, count = 1, workers // the second extension may well be like the first
	}
	if p == 0 || s.vain > len(all)+workers {
		return nil
	}
	turn := s.turn(all)
	var ahead []place
	n := len(all)
	for offset, i := all[n-1].End(), 0; i < count && offset+Block <= s.size; i++ {
		like := all[n-p+i%p]
		start := turn > 0 && like.DataSize >= largeData && !s.whole(all[n-turn+i%turn].Name)
		ahead = append(ahead, place{offset, like, start})
		offset += like.Length()
	}
	if n := len(ahead); n > 0 {
		// Nothing behind it bears the last one out, unless the file ends there.
		last := &ahead[n-1]
		last.start = last.start && last.offset+last.like.Length() == s.size
	}
	return ahead
}

// turn is after how many extensions it repeats which headers are wanted; 0
// where it doesn't, or where all of them are to be read.
func (s *scanner) turn(all []*HDU) int {
	if s.whole == nil || s.blind {
		return 0
	}
	for turn := 1; turn <= longest && 2*turn < len(all); turn++ {
		i := turn + 1
		for i < len(all) && s.whole(all[i].Name) == s.whole(all[i-turn].Name) {
			i++
		}
		if i == len(all) {
			return turn
		}
	}
	return 0
}

// confirm appends the HDUs at places up to the first that isn't where it was
// guessed. Headers are read ahead of the one that is looked at, up to workers
// at a time. It reports no failure: what it leaves out is read again one by
// one, and fails there.
func (s *scanner) confirm(all []*HDU, places []place, workers int) []*HDU {
	queue := make(chan chan []byte, workers-1)
	stop := make(chan struct{})
	window, first, started := s.window, len(all), 0
	var group sync.WaitGroup
	group.Go(func() {
		defer close(queue)
		for _, p := range places {
			slot := make(chan []byte, 1)
			select {
			case queue <- slot:
			case <-stop:
				return
			}
			started++
			size := window
			if p.start {
				size = Block
			}
			group.Go(func() { slot <- s.peek(p.offset, size) })
		}
	})
	var likely *HDU // of which the start was read: the next HDU says whether it ends there
	for i, p := range places {
		raw := <-<-queue
		if likely != nil {
			if checkStart(raw, len(all)+1, p.offset) != nil {
				break
			}
			all, likely = append(all, likely), nil
		}
		if p.start {
			if likely = s.expectStart(len(all), p, raw); likely == nil {
				s.blind = true // names are elsewhere, or not in turn
				break
			}
		} else if h := s.expect(len(all), p.offset, raw); h == nil {
			break
		} else if all = append(all, h); i+1 < len(places) && h.End() != places[i+1].offset {
			break
		}
	}
	if likely != nil && likely.End() == s.size {
		all = append(all, likely)
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

// expectStart is the HDU at a place of which raw is the first block, nil where
// it is not as expected or its whole header is wanted.
func (s *scanner) expectStart(index int, p place, raw []byte) *HDU {
	if checkStart(raw, index, p.offset) != nil {
		return nil
	}
	h, err := ParseStart(raw, index, p.offset)
	if err != nil || h.Name == "" || s.whole(h.Name) {
		return nil
	}
	if h.HeaderSize == 0 {
		h.HeaderSize = max(p.like.HeaderSize, 2*Block)
	}
	if h.Length() != p.like.Length() || h.End() > s.size {
		return nil
	}
	return h
}
