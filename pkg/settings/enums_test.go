package settings

import "testing"

func TestEnums(t *testing.T) {
	if got := Choices[Engine](); got != "shine, reference or mock" {
		t.Errorf("engines: %s", got)
	}
	if got := Choices[Format](); got != "parquet" {
		t.Errorf("formats: %s", got)
	}
	if !Known(EngineMock) || Known(Engine("mck")) || Known(StorageClass("")) {
		t.Error("a name is known that isn't, or the other way round")
	}
}

// TestAbove: a fraction is what it is in decimals, not its product with a total.
func TestAbove(t *testing.T) {
	for _, c := range []struct {
		n, total int
		fraction float64
		want     bool
	}{{29, 100, 0.29, false}, {30, 100, 0.29, true}, {57, 100, 0.57, false}, {7, 100, 0.07, false}, {0, 0, 0, false}, {1, 0, 1, true}, {1, 3, 0.3333, true}, {0, 5, 0, false}, {1, 1, 1, false}} {
		if got := Above(c.n, c.total, c.fraction); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	for total := 1; total <= 1000; total++ { // every fraction of a thousandth, of a thousand
		if Above(total, 1000, float64(total)/1000) || !Above(total+1, 1000, float64(total)/1000) {
			t.Errorf("%d of 1000", total)
		}
	}
}
