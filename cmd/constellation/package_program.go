package main

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/cosmostat/constellation/pkg/flyte/spec"
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

// sumOf is the SHA-256 of a file, and its size.
func sumOf(f io.ReadSeeker) (string, int64, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", 0, err
	}
	h := sha256.New()
	n, err := io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), n, err
}

func checksum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func archived(bundles []*spec.Bundle) ([]byte, error) {
	var b bytes.Buffer
	err := spec.WriteArchive(&b, bundles...)
	return b.Bytes(), err
}
