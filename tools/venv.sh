#!/usr/bin/env bash
# Makes the virtual environment that the playbooks, the tests and the linters run in, from hash-locked pins; or another one,
# from another lock file.
#   tools/venv.sh [DIRECTORY] [PYTHON] [NAME OF THE LOCK FILE]
# With INSTALL=yes it may install Debian's python3-venv when that is what is missing; otherwise it only says so.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv} python=${2:-python3} lock=requirements/${3:-dev}.txt

fail() { printf 'taskyard: %s\n' "$@" >&2; exit 1; }

command -v "$python" >/dev/null || fail "$python is not installed." "Install Python 3.11 or newer (Debian: sudo apt-get install python3 python3-venv)."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "$("$python" --version) is too old: Python 3.11 or newer is needed." "Name another one: make venv PYTHON=python3.12"
if [ "${INSTALL:-no}" = yes ] && ! "$python" -c 'import ensurepip, venv' 2>/dev/null && command -v apt-get >/dev/null; then
  echo "Installing python3-venv, which makes virtual environments (as root) ..."
  as_root=(); [ "$(id -u)" = 0 ] || as_root=(sudo)
  "${as_root[@]}" apt-get update -qq && "${as_root[@]}" apt-get install -qq -y python3-venv >/dev/null
fi
"$python" -c 'import ensurepip, venv' 2>/dev/null || fail "this Python cannot make virtual environments." "Debian and Ubuntu: sudo apt-get install python3-venv"

# A digest of the lock files says which environment this is: an older or half-made one is brought up to date.
want=$(cat requirements/uv.txt "$lock" | sha256sum | cut -d' ' -f1)
if [ "$(cat "$venv/.complete" 2>/dev/null)" = "$want" ]; then touch "$venv/.complete"; exit 0; fi

echo "Preparing $venv from $lock (a minute at the first time; .venv takes about 500 MB) ..."
rm -f "$venv/.complete"
"$venv/bin/python" -c '' 2>/dev/null || { rm -rf "$venv"; "$python" -m venv "$venv"; }
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
VIRTUAL_ENV=$PWD/$venv "$venv/bin/uv" pip sync --quiet --require-hashes requirements/uv.txt "$lock"
printf '%s\n' "$want" > "$venv/.complete"
