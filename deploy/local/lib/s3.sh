# shellcheck shell=bash
# shellcheck disable=SC2154 # dir and here are those of the script that reads this
# An S3 server: ours, on s3s and s3s-fs, built with this workspace. It checks signatures, also of presigned addresses.

s3_user=nova
s3_secret=nova-local-secret
s3_bucket=nova-media

# The built program, wherever this checkout builds.
s3_program() { printf '%s/debug/nova-local-s3' "$(realpath -m "${CARGO_TARGET_DIR:-$here/../../target}")"; }

s3_install() {
  if [[ -x "$dir/s3/nova-local-s3" ]]; then return; fi
  mkdir -p "$dir/s3/objects"
  if [[ ! -x "$(s3_program)" ]]; then
    command -v cargo >/dev/null || die "the S3 server is built with cargo, which is not here"
    cargo build --quiet --locked --manifest-path "$here/../../Cargo.toml" -p nova-local-s3
  fi
  # A copy of its own: a later build must not change a server that runs.
  cp "$(s3_program)" "$dir/s3/nova-local-s3.new"
  mv "$dir/s3/nova-local-s3.new" "$dir/s3/nova-local-s3"
}

s3_address() { printf 'http://127.0.0.1:%s' "$(port_of s3)"; }

s3_start() {
  mkdir -p "$dir/s3/objects"
  daemon s3 "$dir/s3/nova-local-s3" --listen "127.0.0.1:$(port_of s3)" --access-key "$s3_user" \
    --secret-key "$s3_secret" --bucket "$s3_bucket" "$dir/s3/objects"
}

s3_answers() { python3 "$here/answers.py" s3 "$(s3_address)"; }

s3_prepare() { :; }
