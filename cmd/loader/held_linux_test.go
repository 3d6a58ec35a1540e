package main

import (
	"os"
	"path/filepath"
	"testing"
)

// What is written to a file after it was looked at is not what is executed.
func TestHeld(t *testing.T) {
	path := filepath.Join(t.TempDir(), cached)
	if err := os.WriteFile(path, []byte("good"), 0o755); err != nil {
		t.Fatal(err)
	}
	copied, sum, err := held(path)
	if err != nil || copied == path || sum != "770e607624d689265ca6c44884d0807d9b054d23c473c106c72be9de08b7376c" {
		t.Fatal(copied, sum, err)
	}
	if err := os.WriteFile(path, []byte("evil"), 0o755); err != nil { // in place: the same file
		t.Fatal(err)
	}
	if got, err := os.ReadFile(copied); string(got) != "good" {
		t.Errorf("%q, %v", got, err)
	}
	if err := os.WriteFile(copied, []byte("evil"), 0o755); err == nil {
		t.Error("the copy can be written to")
	}
}
