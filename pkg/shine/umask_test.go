package shine_test

import (
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/cosmostat/constellation/pkg/shine"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Who may read results is the umask's to say.
func TestUmask(t *testing.T) {
	for _, mask := range []int{0o077, 0o027, 0o002} {
		dir := prepare(t, nil)
		old := syscall.Umask(mask)
		_, err := shine.Run(t.Context(), mock(dir))
		syscall.Umask(old)
		if err != nil {
			t.Fatal(err)
		}
		err = filepath.WalkDir(filepath.Join(dir, survey.ResultsDir), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			want := fs.FileMode(0o666)
			if d.IsDir() {
				want = 0o777
			}
			if want &^= fs.FileMode(mask); info.Mode().Perm() != want {
				t.Errorf("umask %03o: %s has %s, not %s", mask, path, info.Mode().Perm(), want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
