#!/bin/sh
# Apache Iceberg's own REST catalogue server, of its compatibility kit: an Iceberg
# catalogue in a file of SQLite's, behind Jetty.
#
#   rest.sh fetch JARS   gets its jars by Maven into that directory, once for each pom.xml
#   rest.sh serve JARS   starts it on a free port, says http://127.0.0.1:PORT, and ends it
#                        when the input ends; what it logs goes to the file REST_LOG, if set
#
# It is for tests: it asks nobody who they are, and listens on every address.
set -eu
here=$(dirname "$0")
jars=${2:?say which directory the jars are in}

case ${1:-} in
fetch)
  for program in java mvn; do
    if ! command -v "$program" >/dev/null; then
      echo "SKIPPED: nothing will be run on a REST catalogue: there is no $program (Debian: default-jre-headless, maven)" >&2
      exit 0
    fi
  done
  echo "fetching the jars of Iceberg's REST catalogue into $jars"
  rm -rf "$jars.new" # of a fetch that was cut off
  if ! mvn -q --batch-mode -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$(cd "$(dirname "$jars")" && pwd)/$(basename "$jars").new" >"$jars.log" 2>&1; then
    cat "$jars.log" >&2
    rm -rf "$jars.new" "$jars.log"
    echo "SKIPPED: nothing will be run on a REST catalogue: Maven didn't get its jars, see above" >&2
    exit 0
  fi
  rm -rf "$jars" "$jars.log"
  mv "$jars.new" "$jars"
  touch "$jars/.ready"
  ;;
serve)
  dir=$(mktemp -d)
  log=${REST_LOG:-$dir/log}
  # One client: SQLite takes one writer at a time. The rest makes it start sooner; nobody needs what it keeps.
  CATALOG_REST_PORT=0 CATALOG_WAREHOUSE="file://$dir/warehouse" CATALOG_CLIENTS=1 CATALOG_URI="jdbc:sqlite:$dir/rest.db?synchronous=OFF&journal_mode=MEMORY" \
    java -Xmx512m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$jars/*" org.apache.iceberg.rest.RESTCatalogServer >"$log" 2>&1 </dev/null &
  server=$!
  trap 'kill -9 $server 2>/dev/null; rm -rf "$dir"' EXIT
  while ! port=$(sed -n 's/.*Started ServerConnector.*{0\.0\.0\.0:\([0-9]*\)}.*/\1/p' "$log") || [ -z "$port" ]; do
    if ! kill -0 $server 2>/dev/null; then
      cat "$log" >&2
      exit 1
    fi
    sleep 0.1
  done
  echo "http://127.0.0.1:$port"
  cat >/dev/null
  ;;
*)
  echo "rest.sh fetch JARS, or rest.sh serve JARS" >&2
  exit 2
  ;;
esac
