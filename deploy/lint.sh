#!/usr/bin/env bash
# Looks at the code without running it: at all of it, or at the packages that are
# named. The tools and their versions are those of deploy/tools/go.mod. Each part
# says how long it took; all parts are run, and the status is 1 if one found something.
set -uo pipefail
cd "$(dirname "$0")/.."
tool=(go tool -modfile=deploy/tools/go.mod)
failed=0

part() { # name, what to do about a finding, command
  local name=$1 remedy=$2 start=$SECONDS
  shift 2
  if "$@"; then
    echo "  $name: clean ($((SECONDS - start)) s)"
  else
    echo "  $name: $remedy ($((SECONDS - start)) s)"
    failed=1
  fi
}

formatted() {
  local files
  files=$(git ls-files --cached --others --exclude-standard '*.go' | while read -r f; do [ -f "$f" ] && echo "$f"; done | xargs gofmt -s -l)
  [ -z "$files" ] || { echo "$files"; return 1; }
}

tidy() { go mod tidy -diff && go -C deploy/tools mod tidy -diff; }

# errors looks at what ships: not at tests, nor at packages that only tests import.
errors() {
  local shipped
  mapfile -t shipped < <(go list "${packages[@]}" | grep -vE '/internal/|test$')
  [ ${#shipped[@]} -eq 0 ] || "${tool[@]}" errcheck -ignoretests -exclude deploy/errcheck.txt "${shipped[@]}"
}

if [ $# -eq 0 ]; then
  part "gofmt -s" "run gofmt -s -w on these" formatted
  part "go mod tidy" "run go mod tidy (and go -C deploy/tools mod tidy)" tidy
  set -- ./...
fi
packages=("$@")
part "go vet" "see above" go vet "$@"
part staticcheck "see above; staticcheck -explain CHECK says why" "${tool[@]}" staticcheck "$@"
part errcheck "handle the error, or write _ = and why (what may be ignored: deploy/errcheck.txt)" errors
exit $failed
