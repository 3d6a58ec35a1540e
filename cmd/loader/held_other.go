//go:build unix && !linux

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
)

// held is the file itself, with its checksum: only Linux executes a copy in memory.
func held(path string) (same, sum string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", "", err
	}
	defer f.Close()
	hash := sha256.New()
	_, err = io.Copy(hash, f)
	return path, hex.EncodeToString(hash.Sum(nil)), err
}
