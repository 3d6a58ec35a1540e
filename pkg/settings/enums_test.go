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
