#!/bin/sh
# Docker for tests of the runner: keeps the book of containers that are made, started and ended, and has each do at once what it
# would do over time. $WORLD is its folder: `calls` is a line for every command, `state/SERVICE` what becomes of it, `ledgers/`
# what peers will have written in the end, and `broken`, if it is there, a command that fails and what it says. The first command like
# `held`, if that is there, says so at `reached`, and waits for a line at `go`. `networks`, if it is there, is what Docker has of
# others': name, project, addresses, with tabs between them.
set -eu
printf '%s\n' "$*" >> "$WORLD/calls"
if [ -f "$WORLD/broken" ]; then
  case "$*" in *"$(sed -n 1p "$WORLD/broken")"*) sed -n 2p "$WORLD/broken" >&2; exit 1 ;; esac
fi
if [ -f "$WORLD/held" ]; then
  case "$*" in *"$(cat "$WORLD/held")"*) rm "$WORLD/held"; echo > "$WORLD/reached"; read -r _ < "$WORLD/go" ;; esac
fi
dir=$(cat "$WORLD/dir" 2>/dev/null || true)
now() { date +%s%3N; }
end() { echo exited > "$WORLD/state/$1"; [ "$1" != tracker ] || kill "$(cat "$WORLD/tracker.pid")"; }

start() {
  echo running > "$WORLD/state/$1"
  case $1 in
    border*) printf '{"t": %s, "in": 1000, "out": 500}\n' "$(now)" >> "$dir$(sed -n 's/ *COUNTERS: //p' "$dir/compose.yml" | sed -n "${1#border}p")" ;;
    tracker) "$NODE" -e '
        const { readFileSync } = require("node:fs");
        require("node:http").createServer((_, answer) => answer.end(readFileSync(process.argv[2])))
          .listen(process.argv[1], "127.0.0.1")' "$(cat "$WORLD/port")" "$WORLD/stats.json" </dev/null >/dev/null 2>&1 &
      echo $! > "$WORLD/tracker.pid" ;;
    seed-*) cp "$WORLD/ledgers/$1.json" "$dir/accounts/" ;;
    peer-*)
      if [ -e "$dir/gates/$1" ]; then echo "the gate of $1 is open already" >&2; exit 1; fi
      if [ -f "$WORLD/ledgers/$1.json" ]; then
        cp "$WORLD/content/"* "$dir/data/$1/"; cp "$WORLD/ledgers/$1.json" "$dir/accounts/"
      else echo exited > "$WORLD/state/$1"; fi ;;
    aria2-*) cp "$WORLD/content/"* "$dir/data/$1/"; now > "$dir/stock/$1/completed-at" ;;
  esac
}

case $1 in
  version) echo 20.10.24 ;;
  image) echo 0123456789ab ;;
  network)
    case "$*" in
      *--filter*) ;;
      *" ls "*) [ ! -f "$WORLD/networks" ] || cut -f1 "$WORLD/networks" ;;
      *" inspect "*) cat "$WORLD/networks" ;;
    esac ;;
  compose)
    case "$*" in
      *" up "*)
        dir=$(dirname "$5") how=$7
        echo "$dir" > "$WORLD/dir"; echo "$TRACKER_PORT" > "$WORLD/port"
        shift 8
        for service; do
          echo created > "$WORLD/state/$service"
          [ "$how" = --no-start ] || start "$service"
        done ;;
    esac ;;
  ps)
    for file in "$WORLD/state/"*; do
      [ -f "$file" ] || continue
      case "$*" in
        *--format*) printf '%s\tthe-%s-1\t%s\n' "${file##*/}" "${file##*/}" "$(cat "$file")" ;;
        *) printf 'the-%s-1\n' "${file##*/}" ;;
      esac
    done ;;
  start) name=${2#the-}; start "${name%-1}" ;;
  stop | kill)
    shift 3
    for name; do name=${name#the-}; end "${name%-1}"; done ;;
  rm)
    shift 3
    for name; do
      name=${name#the-} name=${name%-1}
      if [ "$name" = tracker ] && [ "$(cat "$WORLD/state/tracker")" = running ]; then end tracker; fi
      rm -f "$WORLD/state/$name"
    done ;;
  exec) [ "$4" != counters ] || printf '{"t": %s, "in": 9000, "out": 4500}\n' "$(now)" ;;
  logs) echo '{"event":"stopped","torrents":[{"claims":{"asked":1,"granted":1,"denied":0,"expired":0}}]}' ;;
esac
