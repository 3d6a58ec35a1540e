package register

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
)

// checkProgram refuses what a pod could not start: the nodes run Linux, and the
// image holds no libraries. Which processor they have nobody knows here.
func checkProgram(f *os.File) error {
	e, err := elf.NewFile(f)
	var bad *elf.FormatError
	if errors.As(err, &bad) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("not a program for Linux (build with GOOS=linux)")
	}
	if err != nil {
		return err
	}
	libraries, err := e.ImportedLibraries()
	if err != nil {
		return fmt.Errorf("read what it links: %w", err)
	}
	if len(libraries) > 0 {
		return fmt.Errorf("links %v, which the image lacks (build with CGO_ENABLED=0)", libraries)
	}
	return nil
}
