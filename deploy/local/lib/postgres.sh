# shellcheck shell=bash
# shellcheck disable=SC2154 # dir and here are those of the script that reads this
# PostgreSQL 15: a cluster of our own. It refuses to run as root, so root runs it as `postgres`.

postgres_version=15

postgres_bin() {
  local place
  for place in "/usr/lib/postgresql/$postgres_version/bin" "$(dirname "$(command -v initdb || printf /)")"; do
    if [[ -x "$place/postgres" && -x "$place/initdb" ]] && [[ "$("$place/postgres" --version)" == *" $postgres_version."* ]]; then
      printf '%s\n' "$place"
      return
    fi
  done
  return 1
}

postgres_install() {
  if postgres_bin >/dev/null && command -v psql >/dev/null; then return; fi
  # The package makes and starts a cluster of its own unless told otherwise beforehand.
  packages postgresql-common
  as_root sed -i -E 's/^#?\s*create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
  packages "postgresql-$postgres_version" "postgresql-client-$postgres_version"
}

postgres_address() { printf 'postgres://nova:nova@127.0.0.1:%s/nova' "$(port_of postgres)"; }

# A folder that the server's user can reach: below ours, if it can.
postgres_home() {
  if [[ -f "$dir/run/postgres.home" ]]; then
    cat "$dir/run/postgres.home"
  elif ((EUID != 0)) || postgres_as test -x "$dir"; then
    printf '%s' "$dir/postgres"
  else
    printf '%s/postgres' "$(elsewhere)"
  fi
}

postgres_as() {
  if ((EUID != 0)); then
    "$@"
  else
    (cd / && setpriv --reuid=postgres --regid=postgres --init-groups "$@")
  fi
}

postgres_start() {
  local home bin password
  bin="$(postgres_bin)"
  home="$(postgres_home)"
  printf '%s' "$home" >"$dir/run/postgres.home"
  if [[ ! -f "$home/complete" ]]; then
    rm -rf "${home:?}"
    mkdir -p "$home"
    chmod go+x "$dir" "$(dirname "$home")"
    if ((EUID == 0)); then chown postgres: "$home"; fi
    password="$(mktemp)"
    printf 'nova\n' >"$password"
    if ((EUID == 0)); then chown postgres: "$password"; fi
    postgres_as "$bin/initdb" -D "$home/data" -U nova --pwfile="$password" --auth=scram-sha-256 --encoding=UTF8 \
      --locale=C.UTF-8 --data-checksums >>"$dir/log/postgres.log"
    rm -f "$password"
    postgres_as tee -a "$home/data/postgresql.conf" >/dev/null <<'END'

# Nova's servers
unix_socket_directories = ''
listen_addresses = '127.0.0.1'
max_connections = 200
shared_buffers = 256MB
fsync = on
synchronous_commit = on
log_min_duration_statement = 1000
END
    touch "$home/complete"
  fi
  # After a kill the pid in the lock file may by now be someone else's, who would keep the server from starting.
  local lock="$home/data/postmaster.pid" holder
  if [[ -f "$lock" ]]; then
    read -r holder <"$lock" || holder=""
    if [[ -z "$holder" ]] || ! grep -qaF "$home/data" "/proc/$holder/cmdline" 2>/dev/null; then rm -f "$lock"; fi
  fi
  local run=()
  if ((EUID == 0)); then run=(setpriv --reuid=postgres --regid=postgres --init-groups); fi
  (cd / && daemon postgres "${run[@]}" "$bin/postgres" -D "$home/data" -p "$(port_of postgres)")
}

postgres_query() {
  PGPASSWORD=nova PGCONNECT_TIMEOUT=3 psql -X -q -At -h 127.0.0.1 -p "$(port_of postgres)" -U nova -d "$1" -c "$2" 2>/dev/null
}

postgres_answers() { [[ "$(postgres_query postgres 'SELECT 1')" == 1 ]]; }

postgres_prepare() {
  [[ "$(postgres_query postgres "SELECT 1 FROM pg_database WHERE datname = 'nova'")" == 1 ]] ||
    postgres_query postgres 'CREATE DATABASE nova'
}
