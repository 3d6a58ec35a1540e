package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/cosmostat/constellation/pkg/flyte/local"
	"github.com/cosmostat/constellation/pkg/report"
)

// abandoned finds and shows the scratch directories that killed runs left on this
// machine: of the run that is asked about, or of all.
func (l *cleaning) abandoned(w io.Writer) ([]local.Abandoned, error) {
	found, err := local.FindAbandoned(os.TempDir(), time.Now().Add(-l.age))
	if err != nil {
		return nil, err
	}
	if l.runID != "" {
		found = slices.DeleteFunc(found, func(a local.Abandoned) bool { return a.Execution != l.runID })
	}
	if len(found) == 0 {
		return nil, nil
	}
	files, bytes := 0, int64(0)
	for _, a := range found {
		files, bytes = files+a.Files, bytes+a.Bytes
	}
	fmt.Fprintf(w, "below %s\n  %-32s %6d in %d places, %s, e.g. %s\n", os.TempDir(), "scratch of killed runs", files, len(found), report.Bytes(bytes), found[0].Directory)
	return found, nil
}
