package region

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/cosmostat/constellation/pkg/sky"
)

// Square is a rectangle of a tangent plane, to be shown by other programs.
type Square struct {
	Plane      sky.Tangent
	Box        sky.Box
	Name       string
	Color      string // a name that DS9 and the web know
	Dashed     bool
	Properties map[string]any // for forms that have room for them
}

// WriteDS9 writes squares as a DS9 region file in ICRS: polygons of their
// corners, whose edges DS9 draws straight in the image's own projection, as
// they are in tangent planes nearby.
func WriteDS9(w io.Writer, squares []Square) error {
	b := bufio.NewWriter(w)
	fmt.Fprint(b, "# Region file format: DS9 version 4.1\n"+
		"global color=green dashlist=8 3 width=1 font=\"helvetica 10 normal roman\" select=1 dash=0 fixed=0 edit=0 move=0 delete=1 include=1 source=1\n"+
		"icrs\n")
	for _, s := range squares {
		var at []string
		for _, o := range s.Box.Corners() {
			c := s.Plane.Deproject(o)
			at = append(at, fmt.Sprintf("%.8f,%.8f", c.RA, c.Dec))
		}
		style := ""
		if s.Color != "" {
			style += " color=" + s.Color
		}
		if s.Dashed {
			style += " dash=1"
		}
		fmt.Fprintf(b, "polygon(%s) # text={%s}%s\n", strings.Join(at, ","), s.Name, style)
	}
	return b.Flush()
}
