// Package fitstest has FITS files judged by readers that are not ours, in tests.
package fitstest

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// PythonEnv names the environment variable that holds a Python with astropy.
const PythonEnv = "CONSTELLATION_PYTHON"

// Verify fails the test where an independent reader finds fault with one of the
// files: cfitsio's fitsverify and astropy, as many as there are. Where there is
// neither it skips the test, and says so.
func Verify(t testing.TB, paths ...string) {
	t.Helper()
	judged := false
	if tool, err := exec.LookPath("fitsverify"); err == nil {
		judged = true
		for _, path := range paths {
			out, err := exec.Command(tool, path).CombinedOutput()
			if err != nil || !clean.Match(out) {
				t.Errorf("fitsverify %s: %v\n%s", path, err, out)
			}
		}
	}
	if python := os.Getenv(PythonEnv); python != "" {
		judged = true
		out, err := exec.Command(python, append([]string{"-c", script}, paths...)...).CombinedOutput()
		if err != nil {
			t.Errorf("astropy on %s: %v\n%s", strings.Join(paths, " "), err, out)
		}
	}
	if !judged {
		t.Log("NOT VERIFIED: neither fitsverify on the PATH nor a Python with astropy in " + PythonEnv)
		t.Skip("no independent FITS reader: install fitsverify, or run the tests by `make test`")
	}
}

var clean = regexp.MustCompile(`found 0 warning\(s\) and 0 error\(s\)`)

// script reads everything and lets no warning pass.
const script = `
import sys, warnings
warnings.simplefilter("error")
from astropy.io import fits
for path in sys.argv[1:]:
    with fits.open(path, checksum=True, memmap=False) as hdus:
        hdus.verify("exception")
        for hdu in hdus:
            hdu.data
            hdu.header.tostring()
`
