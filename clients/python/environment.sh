# shellcheck shell=bash
# The Python environment of the generator, its client and Schemathesis. Read by `generate` and by ../check.

# Installs the environment into the folder $1, unless it holds these requirements already.
python_environment() {
  local environment=$1 requirements
  requirements="$(dirname "${BASH_SOURCE[0]}")/requirements.txt"
  if cmp -s "$environment/installed" "$requirements"; then return; fi
  rm -rf "$environment" &&
    python3 -m venv "$environment" &&
    "$environment/bin/python" -m pip install -q --disable-pip-version-check --only-binary :all: --require-hashes \
      -r "$requirements" &&
    cp "$requirements" "$environment/installed"
}
