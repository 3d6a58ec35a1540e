package fits

import (
	"errors"
	"fmt"
	"io"
	"slices"
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
// wanted; the Header of others is nil. Where those that are wanted come in turn,
// as each third, the others are not read at all, but a few: that they fill the
// place between follows from the next one being where it then must be. What they
// are is presumed, see [HDU.Like]: who reads one has to hold it to its name and
// size. Elsewhere the first block is read, which has the name and the size of
// the data, and the rest of the header where it is wanted. That this is as long
// as those of its likes follows from the next HDU being where it then must be:
// only HDUs that are shorter than a header could hide between. Either is done
// only where data are far larger than headers.
func ReadIndexParallel(r io.ReaderAt, size int64, workers int, whole func(name string) bool) ([]*HDU, error) {
	s := scanner{r: r, size: max(size, 0), window: firstWindow, whole: whole}
	var all []*HDU
	longest := int64(0)
	for offset, seen := int64(0), 0; len(all) == 0 || offset < size; offset = all[len(all)-1].End() {
		for ; seen < len(all); seen++ {
			longest = max(longest, all[seen].Length())
		}
		if ahead := s.guess(all, workers); len(ahead) > 1 && workers > 1 {
			n := len(all)
			if all = s.confirm(all, ahead, workers); len(all) > n {
				continue
			}
		}
		if over, err := s.over(offset, longest); err != nil {
			return nil, at(err, fmt.Sprintf("HDU %d", len(all)))
		} else if over {
			break
		}
		h, err := s.next(len(all), offset)
		if err != nil {
			return nil, err
		}
		all = append(all, h)
	}
	if whole == nil {
		return all, nil
	}
	if !s.complete(all, workers) {
		return ReadIndex(r, size) // which says what is wrong
	}
	for _, h := range all[1:] {
		if !s.wants(h) {
			h.Header = nil
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
	offset  int64
	like    *HDU // one that it is likely to be as large as
	sibling *HDU // one that stands at its place of the turn; nil where there is no turn
	look    look
}

// look is how much of a header is read.
type look int

const (
	allOfIt look = iota
	firstBlock
	nothing
)

// guess returns where the next HDUs are likely to be: the first start is certain.
func (s *scanner) guess(all []*HDU, workers int) []place {
	p, history := period(all)
	reads := trust * history
	if len(all) == 2 && p == 0 {
		p, reads = 1, workers // the second extension may well be like the first
		if s.whole != nil && s.wants(all[1]) {
			reads = min(reads, 2*longest) // enough to see in what turn the others come
		}
	}
	if p == 0 || s.vain > len(all)+workers {
		return nil
	}
	turn := s.turn(all)
	var ahead []place
	n := len(all)
	for offset, i := all[n-1].End(), 0; reads > 0 && offset+Block <= s.size; i++ {
		next := place{offset: offset, like: all[n-p+i%p]}
		if turn > 0 {
			next.sibling = all[n-turn+i%turn]
		}
		if next.look = s.look(next, n); next.look == nothing && n+i < s.doubted {
			next.look = firstBlock
		}
		if next.look != nothing {
			reads--
		}
		ahead = append(ahead, next)
		offset += next.like.Length()
		if n+i+1 == s.doubted {
			break // what is wrong lies before here
		}
	}
	for i := max(len(ahead)-max(turn, 1), 0); i < len(ahead); i++ {
		// Nothing behind these bears them out, unless the file ends there.
		last := &ahead[i]
		if last.look == nothing {
			last.look = firstBlock
		}
		if i == len(ahead)-1 && last.offset+last.like.Length() != s.size {
			last.look = allOfIt
		}
	}
	return ahead
}

// look says how much of a header at a place has to be read, n HDUs being known.
func (s *scanner) look(p place, n int) look {
	switch {
	case s.whole == nil || s.nameless || p.like.DataSize < largeData:
		return allOfIt
	case p.sibling == nil && n <= 2*longest: // too early to tell
		return allOfIt
	case p.sibling == nil:
		return firstBlock
	case s.wants(p.sibling):
		return allOfIt
	case s.inTurn:
		return nothing
	}
	return firstBlock
}

// wants says whether an HDU's header is wanted.
func (s *scanner) wants(h *HDU) bool { return h.Like == nil && s.whole(h.Name) }

// turn is after how many extensions it repeats which headers are wanted; 0
// where it doesn't, or where all of them are to be read. It notes whether some are wanted.
func (s *scanner) turn(all []*HDU) int {
	s.inTurn = false
	if s.whole == nil || s.shuffled {
		return 0
	}
	for turn := 1; turn <= longest && 2*turn < len(all); turn++ {
		i := turn + 1
		for i < len(all) && s.wants(all[i]) == s.wants(all[i-turn]) {
			i++
		}
		if i == len(all) {
			if s.inTurn = slices.ContainsFunc(all[len(all)-turn:], s.wants); s.inTurn && turn == 1 {
				return 0 // all so far: others may come
			}
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
			if p.look == nothing {
				continue
			}
			slot := make(chan []byte, 1)
			select {
			case queue <- slot:
			case <-stop:
				return
			}
			started++
			size := window
			if p.look == firstBlock {
				size = Block
			}
			group.Go(func() { slot <- s.peek(p.offset, size) })
		}
	})
	s.doubted = 0
	used := 0
	var likely []*HDU // the next HDU that is read says whether they end there
	for i, p := range places {
		index := len(all) + len(likely)
		if p.look == nothing {
			likely = append(likely, p.presume(index))
			continue
		}
		raw := <-<-queue
		unread := len(likely) > 0 && likely[len(likely)-1].Like != nil
		if checkStart(raw, index, p.offset) != nil {
			if unread {
				s.doubted = index
			}
			break
		}
		if p.look == firstBlock {
			h := s.expectStart(index, p, raw)
			if h == nil || unread && s.wants(h) != s.wants(p.sibling) {
				s.shuffled = s.shuffled || h != nil
				break
			}
			all, likely, used = append(all, likely...), []*HDU{h}, used+1
			continue
		}
		h := s.expect(index, p.offset, raw)
		if h == nil {
			break
		}
		if unread && !s.wants(h) {
			s.shuffled = true
			break
		}
		s.widen(h)
		all, likely, used = append(append(all, likely...), h), nil, used+1
		if i+1 < len(places) && h.End() != places[i+1].offset {
			break
		}
	}
	if n := len(likely); n > 0 && likely[n-1].Like == nil && likely[n-1].End() == s.size {
		all = append(all, likely...)
	}
	close(stop)
	group.Wait()
	s.vain += started - min(used, len(all)-first)
	return all
}

// presume makes an HDU of which nothing is read.
func (p place) presume(index int) *HDU {
	sibling := p.sibling
	if sibling.Like != nil {
		sibling = sibling.Like
	}
	return &HDU{Index: index, Kind: sibling.Kind, Offset: p.offset, HeaderSize: p.like.HeaderSize, DataSize: p.like.DataSize, Like: sibling}
}

// complete reads the headers that turned out to be wanted after their first
// block was read. It fails where one is not what that said.
func (s *scanner) complete(all []*HDU, workers int) bool {
	var group sync.WaitGroup
	slots := make(chan struct{}, max(workers, 1))
	failed := make(chan struct{}, len(all))
	for i, h := range all {
		if h.Header != nil || !s.wants(h) {
			continue
		}
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			whole := s.expect(h.Index, h.Offset, s.peek(h.Offset, h.HeaderSize))
			if whole == nil || whole.Name != h.Name || whole.HeaderSize != h.HeaderSize || whole.DataSize != h.DataSize {
				failed <- struct{}{}
				return
			}
			all[i] = whole
		})
	}
	group.Wait()
	return len(failed) == 0
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
	h, err := newHDU(index, offset, Pad(int64(end)), header)
	if err != nil || s.within(h) != nil {
		return nil
	}
	return h
}

// expectStart is the HDU at a place of which raw is the first block, nil where
// it is not as expected.
func (s *scanner) expectStart(index int, p place, raw []byte) *HDU {
	h, err := ParseStart(raw, index, p.offset)
	if err != nil {
		return nil
	}
	if h.Name == "" {
		s.nameless = true // it stands further down: what is wanted is seen in the whole header only
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
