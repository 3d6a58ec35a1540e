package shine

import (
	"encoding/json"
	"testing"
)

// What JSON can't say is null, and nothing else is touched.
func TestFinite(t *testing.T) {
	for text, want := range map[string]string{
		`{"engine": "shine", "r_hat": NaN}`:             `{"engine": "shine", "r_hat": null}`,
		`{"a": [NaN, -Infinity,Infinity , 1, -1]}`:      `{"a": [null, null,null , 1, -1]}`,
		"{\"a\":\n NaN\n}":                              "{\"a\":\n null\n}",
		`{"a": "NaN, Infinity", "b": "\\\"", "c": NaN}`: `{"a": "NaN, Infinity", "b": "\\\"", "c": null}`,
		`{"NaN": 1}`:  `{"NaN": 1}`,
		`{"a": NaNs}`: `{"a": NaNs}`,
		`{"a": 1NaN}`: `{"a": 1NaN}`,
		`{NaN: 1}`:    `{NaN: 1}`,
		`NaN`:         `NaN`,
		`{"a": -NaN}`: `{"a": -NaN}`,
		``:            ``,
	} {
		if got := string(finite([]byte(text))); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	var v any
	if where := position([]byte("{\n \"a\": x}"), json.Unmarshal([]byte("{\n \"a\": x}"), &v)); where != "line 2, column 7" {
		t.Error(where)
	}
}
