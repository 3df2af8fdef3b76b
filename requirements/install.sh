#!/usr/bin/env bash
# Install pinned dependencies and the project's distributions into a virtual environment.
# usage: install.sh VENV runtime|test|edge DISTRIBUTION...
set -euo pipefail
venv=$1 set=$2
shift 2
python=${PYTHON:-python3}
fail() { printf 'install: %s\n' "$*" >&2; exit 1; }

command -v "$python" >/dev/null || fail "'$python' is not there. Install Python 3.11 or newer (Debian: apt install python3 python3-venv)."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
  || fail "$("$python" --version) is too old: Python 3.11 or newer is needed. Point PYTHON= at one."
if [ ! -x "$venv/bin/python" ]; then
  echo "install: creating $venv"
  "$python" -m venv "$venv" || { rm -rf "$venv"; fail "could not create $venv. On Debian and Ubuntu: apt install python3-venv."; }
fi
echo "install: dependencies of '$set' (pinned, with hashes); the first time takes a few minutes"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
  -r "requirements/$set.txt" \
  || fail "step 'dependencies' failed: see pip's message above. It needs a package index (a mirror can be set in pip's configuration) and some 700 MB of disk; run the same command again to go on."
echo "install: ortsnetz itself"
editables=()
for distribution in "$@"; do editables+=(-e "./$distribution"); done
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation "${editables[@]}" \
  || fail "step 'ortsnetz itself' failed: see pip's message above."
"$venv/bin/python" -m ortsnetz_grid.kernels.native | sed 's/^/install: /'
touch "$venv/.runtime"
[ "$set" = test ] && touch "$venv/.test"
exit 0
