# shellcheck shell=bash
# shellcheck disable=SC2154 # dir and here are those of the script that reads this
# Redis 7. Debian's redis-tools holds the whole program (the server is one of its names) and brings no service.

redis_install() {
  if command -v redis-server >/dev/null || command -v redis-check-rdb >/dev/null; then return; fi
  packages redis-tools
}

redis_address() { printf 'redis://127.0.0.1:%s/0' "$(port_of redis)"; }

redis_start() {
  local program
  mkdir -p "$dir/redis"
  program="$(command -v redis-server || true)"
  if [[ -z "$program" ]]; then
    program="$dir/redis/redis-server"
    ln -sfn "$(command -v redis-check-rdb)" "$program"
  fi
  cat >"$dir/redis/redis.conf" <<END
bind 127.0.0.1
port $(port_of redis)
dir "$dir/redis"
daemonize no
appendonly yes
appendfsync everysec
save ""
zset-max-listpack-entries 1024
tcp-backlog 128
END
  daemon redis "$program" "$dir/redis/redis.conf"
}

redis_answers() { python3 "$here/answers.py" redis "$(redis_address)"; }

redis_prepare() { :; }
