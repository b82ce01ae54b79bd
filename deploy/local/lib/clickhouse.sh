# shellcheck shell=bash
# shellcheck disable=SC2154 # dir and here are those of the script that reads this
# ClickHouse: its engine as a library, in an environment of its own, behind the HTTP interface in clickhouse/front.py.

clickhouse_install() {
  local environment="$dir/clickhouse/venv"
  if cmp -s "$environment/installed" "$here/clickhouse/requirements.txt"; then return; fi
  need_venv
  rm -rf "$environment"
  python3 -m venv "$environment"
  "$environment/bin/python" -m pip install -q --disable-pip-version-check --only-binary :all: \
    -r "$here/clickhouse/requirements.txt"
  cp "$here/clickhouse/requirements.txt" "$environment/installed"
}

clickhouse_address() { printf 'http://127.0.0.1:%s' "$(port_of clickhouse)"; }

clickhouse_start() {
  mkdir -p "$dir/clickhouse/data"
  FRONT_USER=nova FRONT_PASSWORD=nova PYTHONDONTWRITEBYTECODE=1 daemon clickhouse \
    "$dir/clickhouse/venv/bin/python" "$here/clickhouse/front.py" \
    --data "$dir/clickhouse/data" --port "$(port_of clickhouse)"
}

clickhouse_answers() {
  NOVA_TEST_CLICKHOUSE_USER=nova NOVA_TEST_CLICKHOUSE_PASSWORD=nova \
    python3 "$here/answers.py" clickhouse "$(clickhouse_address)"
}

clickhouse_prepare() { :; }
