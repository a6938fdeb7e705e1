# Shared by the scripts: says what a machine lacks, and makes the virtual environment with the local AWS (moto).
# Sourced, not run. Expects to be in the repository's root.

# Python packages of the local stack and of the checks from outside, pinned: what the tests were written against.
PYTHON_PACKAGES="moto[server,ssm,dynamodb]==5.2.5 boto3==1.44.5 exchange_calendars==4.13.2 schwab-py==1.5.1 tastytrade==13.2.3 gspread==6.2.1 google-api-python-client==2.202.0 google-auth==2.62.2 aiosmtpd==1.4.6"

say() { printf '%s\n' "$*" >&2; }

# need COMMAND WHAT-TO-DO
need() {
  command -v "$1" >/dev/null 2>&1 && return 0
  say "missing: $1. $2"
  return 1
}

check_machine() {
  local ok=0
  need cargo "Install Rust with rustup (https://rustup.rs); rust-toolchain.toml picks the version." || ok=1
  need cc "Install a C compiler (Debian: apt-get install gcc; macOS: xcode-select --install)." || ok=1
  need python3 "Install Python 3.10 or newer." || ok=1
  if command -v python3 >/dev/null 2>&1; then
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { say "missing: python3 is $(python3 --version), 3.10 or newer is needed."; ok=1; }
    python3 -c 'import venv, ensurepip' 2>/dev/null || { say "missing: python3's venv module (Debian: apt-get install python3-venv)."; ok=1; }
  fi
  return "$ok"
}

# Makes .venv once, and again when the list of packages changes.
make_venv() {
  local stamp=.venv/packages
  if [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$PYTHON_PACKAGES" ]; then
    say "setting up .venv (the local AWS; about half a minute, once) ..."
    rm -rf .venv
    python3 -m venv .venv
    # shellcheck disable=SC2086
    .venv/bin/pip install --quiet --disable-pip-version-check $PYTHON_PACKAGES
    printf '%s' "$PYTHON_PACKAGES" > "$stamp"
  fi
  GAMMA_PYTHON="$PWD/.venv/bin/python"
  GAMMA_MOTO_SERVER="$PWD/.venv/bin/moto_server"
  export GAMMA_PYTHON GAMMA_MOTO_SERVER
}

# For template, deployment and workflows. An environment of its own: sam and moto want different versions of boto3.
SAM_PACKAGES="aws-sam-cli==1.170.0 cfn-lint==1.58.0 cargo-lambda==1.9.2 zizmor==1.32.0"

make_sam_venv() {
  local stamp=.venv-sam/packages
  if [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$SAM_PACKAGES" ]; then
    say "setting up .venv-sam (sam, cargo-lambda and linters; about a minute, once) ..."
    rm -rf .venv-sam
    python3 -m venv .venv-sam
    # shellcheck disable=SC2086
    .venv-sam/bin/pip install --quiet --disable-pip-version-check $SAM_PACKAGES
    printf '%s' "$SAM_PACKAGES" > "$stamp"
  fi
}

# package BINARY ZIP: what is uploaded to Lambda, one executable called bootstrap, deflated as cargo-lambda does it.
package() {
  "$GAMMA_PYTHON" - "$1" "$2" <<'PACK'
import sys, zipfile
binary, package = sys.argv[1:]
with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as made:
    made.write(binary, "bootstrap")
PACK
}
