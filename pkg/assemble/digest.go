package assemble

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/cosmostat/constellation/pkg/survey"
)

// inputs is the SHA-256 over all that the part's rows are made of: sub-tiles, how
// they ended, and their files' checksums. With the same one the rows are the same.
// It is empty where a file's isn't known before that is read.
func (p *part) inputs() string {
	h := sha256.New()
	fmt.Fprintf(h, "rows of %d sub-tiles, made as of version %d, configuration %q\n", len(p.subs), rowsVersion, p.run.ConfigID)
	for _, s := range p.subs {
		status := s.Status
		files := [2]survey.File{}
		if measured(s) {
			files = [2]survey.File{s.Shear, s.Sources}
		}
		fmt.Fprintf(h, "%d %d %d %q %b %b", s.TileID, s.Row, s.Col, status, s.RA, s.Dec)
		for _, f := range files {
			if f.URI != "" && f.SHA256 == "" {
				return ""
			}
			fmt.Fprintf(h, " %s %d", f.SHA256, f.Size)
		}
		fmt.Fprintln(h)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// rowsVersion changes where rows become others than they were of the same files.
const rowsVersion = 1
