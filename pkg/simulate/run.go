package simulate

import (
	"context"
	"runtime"

	"github.com/cosmostat/constellation/pkg/objstore"
)

// Summary says what a run wrote.
type Summary struct {
	Files     int     `json:"files"`
	Bytes     int64   `json:"bytes"` // holes included
	Exposures int     `json:"exposures"`
	Quadrants int     `json:"quadrants"` // of each exposure
	Galaxies  int     `json:"galaxies"`
	Stars     int     `json:"stars"`
	Tiles     []int64 `json:"tiles"`
	VIS       string  `json:"vis"` // where things are
	MER       string  `json:"mer"`
	Catalogs  string  `json:"catalogs"`
	Truth     string  `json:"truth"`
}

// Run writes a survey below base, file by file; each appears when it is whole.
// progress, which may be nil, is called before each file and at the end.
// Memory is bounded by a few quadrants for each processor.
func Run(ctx context.Context, dst objstore.Store, base string, s Survey, progress func(done, total int, what string)) (*Summary, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	files, sum, err := s.files(base)
	if err != nil {
		return nil, err
	}
	create := dst.Create
	if s.Sparse && local(base) {
		create = holes
	}
	if progress == nil {
		progress = func(int, int, string) {}
	}
	for i, f := range files {
		progress(i, len(files), f.path)
		size, err := f.write(ctx, create, base, runtime.GOMAXPROCS(0))
		if err != nil {
			return nil, err
		}
		sum.Files++
		sum.Bytes += size
	}
	progress(len(files), len(files), "")
	return sum, nil
}

// files are all files of the survey, the truth first.
func (s Survey) files(base string) ([]file, *Summary, error) {
	sources, err := s.sources()
	if err != nil {
		return nil, nil, err
	}
	survey, err := record(s)
	if err != nil {
		return nil, nil, err
	}
	files := []file{
		{path: truthDir + "/survey.json", head: survey},
		{path: truthDir + "/truth.csv", head: truth(s.Tiles(), sources)},
	}
	mer, err := s.merFiles(sources)
	if err != nil {
		return nil, nil, err
	}
	files = append(append(files, mer...), s.visFiles(sources)...)
	sum := &Summary{
		Exposures: len(s.exposures()), Quadrants: len(s.quadrants()),
		VIS: objstore.Join(base, visDir) + "/", MER: objstore.Join(base, merDir) + "/",
		Catalogs: objstore.Join(base, catalogDir) + "/", Truth: objstore.Join(base, truthDir) + "/",
	}
	for _, t := range s.Tiles() {
		sum.Tiles = append(sum.Tiles, t.ID)
	}
	for _, src := range sources {
		switch src.kind {
		case galaxy:
			sum.Galaxies++
		case star:
			sum.Stars++
		}
	}
	return files, sum, nil
}
