package euclid

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/cosmostat/constellation/pkg/settings"
)

// delivery is a file with the release, the time and the form in its name.
type delivery struct {
	File
	release, timestamp, form string
}

// supersedes says whether d was delivered after o, by the release and the time in
// its name. Of copies with the same time the one that is not compressed counts,
// else the one with the last URI, so that the choice doesn't depend on the listing.
func (d delivery) supersedes(o delivery) bool {
	return cmp.Or(settings.CompareReleases(d.release, o.release), strings.Compare(d.timestamp, o.timestamp), strings.Compare(o.form, d.form), strings.Compare(d.URI, o.URI)) > 0
}

// newest keeps the newest delivery of each key, and the URIs of the others.
type newest[K comparable] struct {
	files      map[K]delivery
	superseded []string
}

func (n *newest[K]) add(key K, d delivery) {
	if n.files == nil {
		n.files = map[K]delivery{}
	}
	old, ok := n.files[key]
	switch {
	case !ok:
	case d.supersedes(old):
		n.superseded = append(n.superseded, old.URI)
	default:
		n.superseded = append(n.superseded, d.URI)
		return
	}
	n.files[key] = d
}

// detParts are the files of a DET in three.
var detParts = [...]string{PartSCI, PartRMS, PartFLG}

// detSet is one delivery of an exposure's DET: what there is of one release and
// time. It is whole if it has the combined file or all three parts.
type detSet struct {
	release, timestamp string
	combined           *delivery
	parts              [len(detParts)]*delivery
}

// addDET takes a DET, or a part of one.
func (v *visListing) addDET(n Name, d delivery) {
	id := n.Exposure()
	sets := v.det[id]
	i := slices.IndexFunc(sets, func(s detSet) bool { return s.release == n.Release && s.timestamp == n.Timestamp })
	if i < 0 {
		i, sets = len(sets), append(sets, detSet{release: n.Release, timestamp: n.Timestamp})
		v.det[id] = sets
	}
	slot := &sets[i].combined
	if n.Part != "" {
		slot = &sets[i].parts[slices.Index(detParts[:], n.Part)]
	}
	switch old := *slot; {
	case old == nil:
		*slot = &d
	case d.supersedes(*old):
		v.superseded = append(v.superseded, old.URI)
		*slot = &d
	default:
		v.superseded = append(v.superseded, d.URI)
	}
}

// files are all that there is of a delivery.
func (s *detSet) files() (all []*delivery) {
	return slices.DeleteFunc(append([]*delivery{s.combined}, s.parts[:]...), func(d *delivery) bool { return d == nil })
}

// inThree says whether all three parts are there.
func (s *detSet) inThree() bool { return !slices.Contains(s.parts[:], nil) }

// exposure has the files to read: the combined one, or the parts where that isn't
// there or is compressed. Where neither can be read, it says why.
func (s *detSet) exposure(id ExposureID) (Exposure, string) {
	if s.combined != nil && s.combined.form == plain {
		return Exposure{ExposureID: id, DET: s.combined.File}, ""
	}
	bad := s.combined
	if s.inThree() {
		i := slices.IndexFunc(s.parts[:], func(d *delivery) bool { return d.form != plain })
		if i < 0 {
			return Exposure{ExposureID: id, DET: s.parts[0].File, RMS: s.parts[1].File, FLG: s.parts[2].File}, ""
		}
		bad = cmp.Or(bad, s.parts[i])
	}
	return Exposure{ExposureID: id}, packed(bad.URI, bad.form)
}

// lacking says which parts a delivery that isn't whole lacks.
func (s *detSet) lacking() string {
	var there, not []string
	for i, part := range detParts {
		if d := s.parts[i]; d != nil {
			_, base := split(d.URI)
			there = append(there, fmt.Sprintf("%q", base))
		} else {
			not = append(not, "_"+part)
		}
	}
	return fmt.Sprintf("beside %s there is no %s of the same time", strings.Join(there, " and "), strings.Join(not, " and no "))
}

// detOf is the exposure's newest DET that is whole, counted once however it lies
// there. What is older is superseded; parts without their siblings are stray.
// Without one, it says what there is.
func (v *visListing) detOf(o *Observations, id ExposureID) (Exposure, string) {
	sets := v.det[id]
	slices.SortFunc(sets, func(a, b detSet) int {
		return -cmp.Or(settings.CompareReleases(a.release, b.release), strings.Compare(a.timestamp, b.timestamp))
	})
	if v.named {
		sets = united(sets)
	}
	taken := slices.IndexFunc(sets, func(s detSet) bool { return s.combined != nil || s.inThree() })
	if taken < 0 {
		return Exposure{ExposureID: id}, v.notWhole(id, sets)
	}
	for i := range sets {
		s := &sets[i]
		alone := slices.ContainsFunc(s.parts[:], func(d *delivery) bool { return d != nil }) && !s.inThree()
		switch {
		case i > taken:
			for _, d := range s.files() {
				v.superseded = append(v.superseded, d.URI)
			}
		case alone:
			v.stray.add(s.lacking())
			v.stray.n += len(s.files()) - 1
			if s.combined != nil {
				v.stray.n--
			}
		case s.combined != nil && s.inThree():
			o.Both++
		}
	}
	return sets[taken].exposure(id)
}

// united puts parts that a list names, and whose names say no time, to the newest
// parts that they go with: the list has one of each, and says that they do.
func united(sets []detSet) []detSet {
	i := slices.IndexFunc(sets, func(s detSet) bool { return s.timestamp == "" && s.combined == nil })
	to := slices.IndexFunc(sets, func(s detSet) bool {
		return s.timestamp != "" && slices.ContainsFunc(s.parts[:], func(d *delivery) bool { return d != nil })
	})
	if i < 0 || to < 0 {
		return sets
	}
	sets = slices.Clone(sets)
	for k, d := range sets[i].parts {
		if d != nil && sets[to].parts[k] == nil {
			sets[to].parts[k], sets[i].parts[k] = d, nil
		}
	}
	return slices.DeleteFunc(sets, func(s detSet) bool { return len(s.files()) == 0 })
}

// notWhole says what there is of a DET of which no delivery is whole.
func (v *visListing) notWhole(id ExposureID, sets []detSet) string {
	lost := v.lost[visKey{id, DET}]
	if len(sets) == 0 {
		return lost
	}
	what := sets[0].lacking()
	if len(sets) > 1 {
		_, base := split(sets[1].files()[0].URI)
		what += fmt.Sprintf(", %q is of another delivery", base)
	}
	if lost != "" {
		what += "; " + lost
	}
	return what + ": deliver the three files of one time, or the combined one"
}

// psfOf is the PSF of an observation's exposures whose DET lies in a directory:
// the one that is called after the observation, else the newest there that is
// called after none of those listed. Without one it says what there is.
func (v *visListing) psfOf(dir string, id ExposureID, listed map[string]bool) (File, string) {
	found, ok := v.psf.files[psfKey{dir, id.Obs}]
	if own, is := v.vis.files[visKey{id, PSF}]; is {
		found, ok = own, true
	}
	if !ok {
		for _, d := range v.psfsIn(dir, listed) {
			if !ok || d.supersedes(found) {
				found, ok = d, true
			}
		}
	}
	switch {
	case ok && (found.form == plain || found.form == gzipped):
		return found.File, ""
	case ok:
		return File{}, packed(found.URI, found.form)
	}
	return File{}, cmp.Or(v.bare[psfKey{dir, id.Obs}], v.bare[psfKey{dir, ""}], v.noPSF(dir))
}

func (v *visListing) noPSF(dir string) string {
	if v.named {
		return "none is listed for it or its observation"
	}
	return "there is none beside its DET, in " + dir
}

// psfsIn are a directory's PSFs that are called after no listed observation.
func (v *visListing) psfsIn(dir string, listed map[string]bool) (some []delivery) {
	if v.psfDirs == nil {
		v.psfDirs = map[string][]psfKey{}
		for k := range v.psf.files {
			v.psfDirs[k.dir] = append(v.psfDirs[k.dir], k)
		}
	}
	for _, k := range v.psfDirs[dir] {
		if !listed[k.obs] {
			some = append(some, v.psf.files[k])
		}
	}
	return some
}
