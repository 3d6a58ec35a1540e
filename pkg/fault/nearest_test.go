package fault

import (
	"slices"
	"testing"
)

func TestNearest(t *testing.T) {
	names := []string{"sub_tile_grid", "source", "tile_table", "gal"}
	for word, want := range map[string]string{"sub_tile_gird": "sub_tile_grid", "sorce": "source", "gal": "gal", "gall": "gal", "foo": "", "": ""} {
		if got := Nearest(word, names); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
	verbs := []string{"run", "prepare", "extract", "infer", "assemble"}
	for word, want := range map[string]string{"rnu": "", "ru": "run", "prepair": "prepare", "exttract": "extract", "asemble": "assemble", "x": "", "": ""} {
		if got := Nearest(word, verbs); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
	if got := Similar("sourc", append(names, "source")); got[0] != "source" || len(got) != len(names) || !slices.Equal(names, []string{"sub_tile_grid", "source", "tile_table", "gal"}) {
		t.Errorf("%q of %q", got, names)
	}
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"flaw", "lawn", 2}} {
		if got := distance(c.a, c.b); got != c.want || distance(c.b, c.a) != c.want {
			t.Errorf("%q, %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
