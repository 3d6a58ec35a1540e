package objstore_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

func TestFileNotWritable(t *testing.T) {
	dir := t.TempDir()
	s := objstore.Open(t.Context(), objstore.Config{})
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "dir"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, uri := range []string{filepath.Join(dir, "file/x"), filepath.Join(dir, "file/a/b"), filepath.Join(dir, "dir"), "/dev/null/x"} {
		_, err := objstore.WriteFile(t.Context(), s, uri, []byte("x"))
		if fault.KindOf(err) != fault.BadInput || fault.CodeOf(err) != objstore.NotWritable {
			t.Errorf("%s: %v", uri, err)
		}
	}
	left, _ := filepath.Glob(filepath.Join(dir, ".*"))
	if len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// A body that is open when its file is rewritten in place must not pass for either.
func TestFileRewritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	s := objstore.Open(t.Context(), objstore.Config{})
	info, err := objstore.WriteFile(t.Context(), s, path, make([]byte, 1000))
	if err != nil {
		t.Fatal(err)
	}
	for content, want := range map[string]string{"short": objstore.Truncated, string(make([]byte, 2000)): objstore.ObjectChanged} {
		body, err := s.Get(t.Context(), path, info.ETag, objstore.Whole)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(body); fault.CodeOf(err) != want {
			t.Errorf("%d bytes: %v", len(content), err)
		}
		body.Close()
		if info, err = objstore.WriteFile(t.Context(), s, path, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
	}
}

// Links are followed, those that lead nowhere or in circles don't matter, and
// neither does what an interrupted upload left.
func TestFileLinks(t *testing.T) {
	dir := t.TempDir()
	s := objstore.Open(t.Context(), objstore.Config{})
	for _, name := range []string{"data/a", "b", ".constellation-upload-LEFTOVER"} {
		if _, err := objstore.WriteFile(t.Context(), s, filepath.Join(dir, name), nil); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"linked": "data", "c": "b", "circle": ".", "nowhere": "gone"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	err := s.List(t.Context(), dir+"/", func(i objstore.Info) error {
		rel, err := objstore.Rel(dir, i.URI)
		got = append(got, rel)
		return err
	})
	want := []string{"b", "c", "data/a", "linked/a"}
	if err != nil || len(got) != len(want) {
		t.Fatalf("%v, %v, want %v", got, err, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%v, want %v", got, want)
		}
	}
}

// What is written is as readable as the umask lets it be, not private to the writer.
func TestFileMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	if _, err := objstore.WriteFile(t.Context(), objstore.Open(t.Context(), objstore.Config{}), path, nil); err != nil {
		t.Fatal(err)
	}
	plain := path + "-plain"
	if err := os.WriteFile(plain, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	a, _ := os.Stat(path)
	b, _ := os.Stat(plain)
	if a.Mode() != b.Mode() {
		t.Errorf("mode %v, a plain file has %v", a.Mode(), b.Mode())
	}
}
