package foreign

import (
	"os"
	"path/filepath"
	"strings"

	iceio "github.com/apache/iceberg-go/io"
)

// localFS makes the directories of what is written before the library does: who may
// write in a local warehouse is the umask's to say, and the library lets no group,
// whatever it is.
type localFS struct{ iceio.LocalFS }

func (f localFS) Create(name string) (iceio.FileWriter, error) {
	if err := above(name); err != nil {
		return nil, err
	}
	return f.LocalFS.Create(name)
}

func (f localFS) WriteFile(name string, content []byte) error {
	w, err := f.Create(name)
	if err != nil {
		return err
	}
	_, err = w.Write(content)
	if ended := w.Close(); err == nil {
		err = ended
	}
	return err
}

func above(name string) error {
	return os.MkdirAll(filepath.Dir(strings.TrimPrefix(name, "file://")), 0o777) // a warehouse's path is spelt as it is, see locate
}
