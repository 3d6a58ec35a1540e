package clean

import (
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/survey"
)

// layout is what a kind of directory looks like from the inside. A directory
// can go only if all that it holds is known and something proves whose it is:
// what lies below a storage prefix need not be a run's.
type layout struct {
	done    string         // the object that marks a directory as complete
	also    string         // likewise: results of a sub-tile that another run prepared
	known   *regexp.Regexp // paths that runs write
	proof   *regexp.Regexp // those that are hardly anybody else's
	attempt *regexp.Regexp // begins paths below what can go from a complete directory too; may be nil
}

// prepared are the paths that preparation and the rest of a run write into a
// sub-tile's directory, as package survey has them, less what marks it as complete
// and what belongs to results.
var prepared = strings.Join([]string{
	literally(survey.ManifestFile), literally(survey.ProvenanceFile), literally(survey.FailureFile), literally(survey.DroppedFile), literally(survey.CatalogFile),
	plane(survey.PlaneSCI), plane(survey.PlaneBKG), plane(survey.PlaneWGT), plane(survey.PlanePSF),
}, `|`)

// attempts begin what an inference writes before its results are complete.
var attempts = literally(survey.AttemptDir) + `[0-9]+/`

// plane matches the files of a plane, of whichever exposure.
func plane(name string) string {
	return literally(survey.PlaneDir(name)+"/") + `[^/]+` + literally(survey.PlaneSuffix(name))
}

func literally(path string) string { return regexp.QuoteMeta(path) }

const (
	hidden = `(?:[^/]+/)*\.constellation-upload-[^/]+`

	number = `[0-9]+/` // of an attempt, or of a map's element
	node   = `[a-z][-a-z0-9]*/`
	// inside is where the nodes of dynamic tasks and sub-workflows lie.
	inside = `(?:` + node + `data/(?:` + number + `)?)*`
	data   = inside + node + `data/(?:` + number + `){0,3}(?:(?:inputs|outputs|futures|error|task)\.pb|record\.json|deck\.html)`
	raw    = inside + node + `raw/(?:` + number + `){1,3}.+` // a task's own
)

var (
	// subTile begins the path of what belongs to a sub-tile, from a run's directory on.
	subTile = regexp.MustCompile(`^[0-9]+/[0-9]+_[0-9]+/`)

	subTiles = layout{
		done:    survey.LocalManifestFile,
		also:    survey.ResultsDir + "/" + survey.ShearFile,
		known:   whole(prepared + `|` + literally(survey.LocalManifestFile) + `|` + survey.ResultsDir + `/.+|` + attempts + `.+|` + hidden),
		proof:   whole(prepared),
		attempt: regexp.MustCompile(`^` + attempts),
	}
	executions = layout{
		known: whole(data + `|` + raw + `|` + hidden),
		proof: whole(data),
	}
)

func whole(expr string) *regexp.Regexp { return regexp.MustCompile(`^(?:` + expr + `)$`) }

// plain says whether a path stays below where it begins and is written in the
// one way that there is: no "..", no empty element.
func plain(rel string) bool { return filepath.IsLocal(rel) && path.Clean(rel) == rel }

// place is a directory while its objects are listed, one after the other.
type place struct {
	uri      string
	objects  []objstore.Info
	newest   time.Time
	done     bool
	proven   bool
	foreign  string // the first object that no run writes
	attempts []*place
}

// see takes an object at a path in the place.
func (p *place) see(l *layout, rel string, o objstore.Info) {
	p.objects = append(p.objects, o)
	if o.Modified.After(p.newest) {
		p.newest = o.Modified
	}
	p.done = p.done || rel == l.done || l.also != "" && rel == l.also
	p.proven = p.proven || l.proof.MatchString(rel)
	if p.foreign == "" && (o.Link || !plain(rel) || !l.known.MatchString(rel)) {
		p.foreign = o.URI
	}
	if l.attempt == nil {
		return
	}
	dir := l.attempt.FindString(rel)
	if dir == "" {
		return
	}
	uri := p.uri + dir
	if n := len(p.attempts); n == 0 || p.attempts[n-1].uri != uri {
		p.attempts = append(p.attempts, &place{uri: uri, proven: true})
	}
	in := p.attempts[len(p.attempts)-1]
	in.see(&layout{known: l.known, proof: l.proof}, rel, o)
}
