#!/usr/bin/env bash
# A PostgreSQL server for tests: its own folder and port, thrown away afterwards. It never runs as root.
#
#   tests/postgres.sh install          installs PostgreSQL where it is missing
#   tests/postgres.sh start DIR PORT   starts one in DIR, making it where it is missing, and prints its URL
#   tests/postgres.sh stop DIR         stops it; `start` brings it back with what it held
#   tests/postgres.sh kill DIR         ends it at once, as a crash would
#
# DIR must be reachable for the user `postgres` where the script runs as root. Every failure is one: nothing is skipped.
set -euo pipefail

fail() {
    echo "postgres.sh: $*" >&2
    exit 1
}

# The folder with PostgreSQL's programs: of the newest version installed.
programs() {
    local found
    found=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
    if [ -z "$found" ] && command -v initdb >/dev/null && command -v pg_ctl >/dev/null; then
        found=$(dirname "$(command -v initdb)")
    fi
    [ -n "$found" ] && echo "$found"
}

install() {
    programs >/dev/null && return
    [ "$(id -u)" = 0 ] || fail "PostgreSQL is missing: install the package postgresql"
    # Nobody is there to answer, and another apt may be at work: it is waited for.
    export DEBIAN_FRONTEND=noninteractive
    local apt_get=(apt-get -o DPkg::Lock::Timeout=300)
    {
        "${apt_get[@]}" update && "${apt_get[@]}" install -y --no-install-recommends postgresql
    } >&2 || fail "PostgreSQL is missing and cannot be installed"
    programs >/dev/null || fail "the package postgresql has no programs in /usr/lib/postgresql"
}

# Runs a command as a user that PostgreSQL accepts.
as_user() {
    if [ "$(id -u)" = 0 ]; then
        (cd / && runuser -u postgres -- "$@")
    else
        "$@"
    fi
}

start() {
    local dir=$1 port=$2 bin
    install
    bin=$(programs)
    if [ ! -e "$dir/data/PG_VERSION" ]; then
        mkdir -p "$dir"
        [ "$(id -u)" != 0 ] || chown postgres "$dir"
        # No fsync: the machine is not what is put to the test, and the data are thrown away.
        as_user "$bin/initdb" --pgdata="$dir/data" --username=assize --auth=trust --encoding=UTF8 --locale=C.UTF-8 \
            --no-sync >"$dir.log" 2>&1 || fail "initdb: $(cat "$dir.log")"
    fi
    as_user "$bin/pg_ctl" --pgdata="$dir/data" --log="$dir/server.log" --wait --timeout=60 \
        --options="-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories=$dir -c fsync=off -c max_connections=200" \
        start >/dev/null 2>&1 || fail "the server did not start: $(tail -5 "$dir/server.log" 2>&1)"
    echo "postgres://assize@127.0.0.1:$port/postgres"
}

stop() {
    local dir=$1 mode=$2
    as_user "$(programs)/pg_ctl" --pgdata="$dir/data" --mode="$mode" --wait --timeout=60 stop >/dev/null \
        || fail "the server in $dir did not stop"
}

case "${1:-} $#" in
"install 1") install ;;
"start 3") start "$2" "$3" ;;
"stop 2") stop "$2" fast ;;
"kill 2") stop "$2" immediate ;;
*) fail "usage: install | start DIR PORT | stop DIR | kill DIR" ;;
esac
