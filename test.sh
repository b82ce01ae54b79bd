#!/usr/bin/env bash
# Builds Nova in both profiles, starts the real servers (PostgreSQL, Kafka, ClickHouse's engine, Redis, an S3 server), runs every
# test and stops them. Needs Rust and a C compiler; deploy/local installs the servers and Node, as deploy/README.md says.
#
#   ./test.sh
#
# Servers that are running already are used instead when their addresses are in the environment (NOVA_TEST_POSTGRES_URL and
# so on, see deploy/README.md).
#
# Each step says how long it took and keeps its output in target/test-logs; what failed is shown. The last line is
# `N passed, N failed`, over all test binaries. The exit code is 0 only if tests ran and none failed.
set -euo pipefail
set -m # each step gets a process group of its own, so that stopping it stops all that it started
cd "$(dirname "${BASH_SOURCE[0]}")"

logs="${CARGO_TARGET_DIR:-target}/test-logs"
shown_lines_max=200
passed=0
failed=0
servers="$(realpath -m "${CARGO_TARGET_DIR:-target}")/servers"
program="$(realpath -m "${CARGO_TARGET_DIR:-target}")/debug/nova"
features=nova/distributed
step=""
child=""
finished=false

# A test never changes what is committed.
unset NOVA_BLESS NOVA_UNDOCUMENTED
export INSTA_UPDATE=no
export CARGO_TERM_COLOR=never
export RUST_BACKTRACE="${RUST_BACKTRACE:-1}"

# --- the steps, in the order they run ---------------------------------------------------------------------------------

main() {
  check_tools
  rm -rf "$logs"
  mkdir -p "$logs"
  if run build build; then
    # A step that fails is counted; the others still have something to say.
    run server-tests server_tests || true
    if run servers start_servers; then
      # shellcheck source=/dev/null
      . "$servers/env"
    fi
    run tests tests || true
    run client-tests client_tests || true
    run model-tests model_tests || true
    run crash-tests crash_tests || true
    run doc-tests doc_tests || true
  fi
  summarise
}

check_tools() {
  # rustup puts cargo where a fresh shell may not look yet.
  if [[ -f "${CARGO_HOME:-$HOME/.cargo}/env" ]]; then
    # shellcheck source=/dev/null
    . "${CARGO_HOME:-$HOME/.cargo}/env"
  fi
  local missing=()
  command -v cargo >/dev/null || missing+=("Rust (https://rustup.rs)")
  command -v "${CC:-cc}" >/dev/null || missing+=("a C compiler (Debian: sudo apt-get install -y build-essential)")
  if ((${#missing[@]} > 0)); then
    step="looking for tools"
    printf 'missing:'
    printf ' %s;' "${missing[@]}"
    printf '\n'
    failed=1
    exit 1
  fi
}

build() {
  cargo test --workspace --features "$features" --locked --tests --no-run
}

# Of deploy/local itself, with servers of its own.
server_tests() {
  deploy/local/test
}

start_servers() {
  deploy/local/servers up --dir "$servers"
}

tests() {
  cargo test --workspace --features "$features" --locked --tests --no-fail-fast -- --skip crash:: --skip kill::
}

# The OpenAPI document and the clients, against the program that was built.
client_tests() {
  deploy/local/servers tools --dir "$servers" || return
  local status=0
  NOVA_BIN="$program" clients/check || status=1
  (cd clients/typescript && npm ci --no-audit --no-fund && NOVA_BIN="$program" npm test) || status=1
  return "$status"
}

# Processes that are killed and files that are cut, apart from the rest: they load the disk. Servers that were started here
# may be killed too; given ones may not, and those who kill some then start their own.
crash_tests() {
  if ! compgen -G "$servers/run/*.given" >/dev/null; then export NOVA_CHAOS_SERVERS="$servers"; fi
  cargo test --workspace --features "$features" --locked --tests --no-fail-fast -- crash:: kill::
}

# The breaker in every order in which its threads can meet. The atomics are the model checker's, so it is built apart.
model_tests() {
  RUSTFLAGS="--cfg loom" cargo test -p nova-resilience --locked --test loom --release \
    --target-dir "${CARGO_TARGET_DIR:-target}/loom"
}

doc_tests() {
  cargo test --workspace --features "$features" --locked --doc --no-fail-fast
}

# --- running and counting ---------------------------------------------------------------------------------------------

# run NAME COMMAND: runs a step into its log, counts its tests, shows what failed. Fails if the step did.
run() {
  local name=$1 command=$2 log="$logs/$1.log" status=0 began=$SECONDS
  step=$name
  printf '%-12s ... ' "$name"
  "$command" >"$log" 2>&1 </dev/null &
  child=$!
  wait "$child" || status=$?
  child=""
  local step_passed step_failed
  read -r step_passed step_failed < <(count "$log")
  # What ends without a result (a build, an abort) fails as one.
  if ((status != 0 && step_failed == 0)); then step_failed=1; fi
  passed=$((passed + step_passed))
  failed=$((failed + step_failed))
  printf '%4d s' $((SECONDS - began))
  if ((step_passed + step_failed > 0)); then printf '  %d passed, %d failed' "$step_passed" "$step_failed"; fi
  printf '\n'
  step=""
  if ((step_failed > 0)); then
    show_failures "$log"
    return "$((status == 0 ? 1 : status))"
  fi
}

# Sums the result lines of all test binaries: "passed failed". A binary that a signal ended has none, and counts as one
# failure.
count() {
  awk '/^test result: / { for (i = 2; i <= NF; i++) { if ($i ~ /^passed/) p += $(i-1); if ($i ~ /^failed/) f += $(i-1) } }
       /exit successfully.*signal: / { f++ }
       END { print p + 0, f + 0 }' "$1"
}

# The failing tests' own output, or, where no test has failed, the end of the log.
show_failures() {
  local shown
  shown=$(awk '/^failures:$/ { on = 1 } /^test result: FAILED/ { print; on = 0 } on || /^error|exit successfully/' "$1")
  printf -- '--- from %s\n' "$1"
  if grep -q '^test result: FAILED' <<<"$shown"; then
    head -n "$shown_lines_max" <<<"$shown"
  else
    tail -n "$shown_lines_max" "$1"
  fi
  printf -- '---\n'
}

# What ClickHouse's engine did when it was slow, and where it stood when it hung: what failed may have failed for that.
show_hangs() {
  local log="$servers/log/clickhouse.log"
  if ! grep -qE '^(Timeout \(|SLOW|FAILED)' "$log" 2>/dev/null; then return; fi
  printf -- '--- from %s\n' "$log"
  grep -E '^(SLOW|FAILED)' "$log" | cut -c 1-1000 | tail -n 20 || true
  grep -A "$shown_lines_max" '^Timeout (' "$log" | tail -n "$shown_lines_max" || true
  printf -- '---\n'
}

summarise() {
  if ((passed + failed == 0)); then
    echo "no test ran"
    failed=1
  fi
  if ((failed > 0)); then show_hangs; fi
  printf 'wall time %d min %02d s\n' $((SECONDS / 60)) $((SECONDS % 60))
  printf '%d passed, %d failed\n' "$passed" "$failed"
  finished=true
  ((failed == 0))
}

# Whatever the end: nothing is left running, and the last line is the count.
stop() {
  local status=$?
  trap - EXIT INT TERM
  if [[ -n $child ]]; then kill -TERM -- "-$child" 2>/dev/null || true; fi
  if [[ -d $servers ]]; then deploy/local/servers down --dir "$servers" >>"$logs/servers.log" 2>&1 || true; fi
  if ! $finished; then
    if [[ -n $step ]]; then printf '\nstopped at: %s\n' "$step"; fi
    printf 'wall time %d min %02d s\n' $((SECONDS / 60)) $((SECONDS % 60))
    printf '%d passed, %d failed\n' "$passed" "$((failed > 0 ? failed : 1))"
    if ((status == 0)); then status=1; fi
  fi
  exit "$status"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

main
