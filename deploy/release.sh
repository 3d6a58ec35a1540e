#!/usr/bin/env bash
# Makes the files of a release out of a tag, below dist/: the executables of each
# platform, the notes of the CHANGELOG, and SHA256SUMS of all. Nothing is pushed.
# The same tag and the same Go give the same bytes, wherever and whenever.
set -euo pipefail
cd "$(git rev-parse --show-toplevel)"
tag=${1:?say which tag: deploy/release.sh v1.2.3}
platforms=${PLATFORMS:-linux/amd64 linux/arm64}
commit=$(git rev-parse --verify --quiet "refs/tags/$tag^{commit}") || { echo "there is no tag $tag: see docs/release.md" >&2; exit 1; }
date=$(git show -s --format=%ct "$commit")
out=$PWD/dist/$tag
rm -rf "$out"
mkdir -p "$out"
tree=$(mktemp -d)
trap 'git worktree remove --force "$tree"' EXIT
git worktree add --quiet --detach "$tree" "$commit" # what was tagged, not what lies here

awk -v heading="## $tag" '$0 == heading || index($0, heading " ") == 1 {on = 1; next} /^## / {on = 0} on' "$tree/CHANGELOG.md" > "$out/NOTES.md"
grep -q '[^[:space:]]' "$out/NOTES.md" || { echo "CHANGELOG.md at $tag has no section \"## $tag\": see docs/release.md" >&2; exit 1; }

for platform in $platforms; do
  rm -rf "$tree/bin"
  GOOS=${platform%/*} GOARCH=${platform#*/} make --no-print-directory -C "$tree" build VERSION="$tag" GOFLAGS="-trimpath -buildvcs=false"
  name=constellation-$tag-${platform/\//-}
  cp "$tree/LICENSE" "$tree/README.md" "$tree/bin/"
  tar --sort=name --mtime="@$date" --owner=0 --group=0 --numeric-owner --mode='u=rwX,go=rX' \
    --transform "s,^bin,$name," -C "$tree" -cf - bin | gzip -9n > "$out/$name.tar.gz"
done
cd "$out"
sha256sum -- *.tar.gz NOTES.md > SHA256SUMS
echo "built by $(go version | cut -d' ' -f3) from $tag ($commit), in $out:"
cat SHA256SUMS
