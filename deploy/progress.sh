#!/usr/bin/env bash
# Runs a command that may be silent for minutes, and shows that it goes on.
set -eu
"$@" &
child=$!
trap 'kill $child 2>/dev/null' INT TERM
start=$SECONDS
while sleep 1; kill -0 $child 2>/dev/null; do
  now=$((SECONDS - start))
  if ((now >= 10 && now % 15 == 0)); then
    echo "  ${*:1:2}: ${now} s (the first compilation of the dependencies takes minutes)"
  fi
done
wait $child
