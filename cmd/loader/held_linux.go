package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// held is a copy of a file in this process's memory, with its checksum: what is
// executed are the bytes that were looked at, whoever may write to the file. Where
// the kernel refuses such copies it is the file as it is open.
func held(path string) (copied, sum string, err error) {
	from, err := os.Open(path)
	if err != nil {
		return "", "", err
	}
	defer from.Close()
	const flags, executable = unix.MFD_ALLOW_SEALING | unix.MFD_CLOEXEC, 0x10 // MFD_EXEC, which kernels before 6.3 don't know
	fd, err := unix.MemfdCreate(cached, flags|executable)
	if errors.Is(err, unix.EINVAL) {
		fd, err = unix.MemfdCreate(cached, flags)
	}
	if err != nil {
		return checked(from)
	}
	to := os.NewFile(uintptr(fd), path) // stays open until it is executed
	hash := sha256.New()
	if _, err = io.Copy(io.MultiWriter(to, hash), from); err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_WRITE|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL)
	}
	if err != nil {
		to.Close()
		return "", "", err
	}
	copies = append(copies, to)
	return fmt.Sprintf("/proc/self/fd/%d", fd), hex.EncodeToString(hash.Sum(nil)), nil
}

// copies keeps what is to be executed from being closed.
var copies []*os.File

func checked(f *os.File) (path, sum string, err error) {
	hash := sha256.New()
	_, err = io.Copy(hash, f)
	return f.Name(), hex.EncodeToString(hash.Sum(nil)), err
}
