#!/usr/bin/env bash
# Runs tests under the race detector: of the packages that are named, or of every
# package whose own code starts goroutines or shares memory between them. The others
# have nothing to race with. Executables that tests start (internal/e2e, internal/faults)
# are built without the detector, so those tests would show nothing here. With -short, tests
# that compute for long in one goroutine, five to ten times longer under the detector, are left out or do less.
set -euo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=1 # the detector is a C library
cc=$(go env CC)
if ! command -v "${cc%% *}" >/dev/null; then
  echo "make test-race: the race detector needs a C compiler, and there is no ${cc%% *} in PATH: install gcc or clang, or set CC" >&2
  exit 127
fi
if [ $# -eq 0 ]; then
  mapfile -t files < <(git ls-files --cached --others --exclude-standard 'pkg/*.go' 'cmd/*.go' | grep -v -e _test.go -e /testdata/)
  mapfile -t dirs < <(grep -lE '\bgo func|\.Go\(|errgroup|\bsync\.|\batomic\.' "${files[@]}" | xargs -n1 dirname | sort -u)
  set -- "${dirs[@]/#/./}"
fi
echo "race detector on $# packages: $*"
go test -race -short -timeout 60m "$@"
