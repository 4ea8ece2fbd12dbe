#!/usr/bin/env bash
# Makes the virtual environment that every other make target uses. Touches nothing outside it.
#
#   PYTHON=/path/to/python3.12 tools/setup.sh    choose the interpreter (default: the first that fits)
#   VENV=.venv EXTRAS=dev,all                    where it goes and what is installed
#   CONSTRAINTS=constraints.txt                  exact versions of all of it
#   BELOW=3.13                                   what is installed does not run on this Python yet;
#                                                without an older one, nothing is made and told why
set -euo pipefail
cd "$(dirname "$0")/.."

venv=${VENV:-.venv}
extras=${EXTRAS:-dev,all}
constraints=${CONSTRAINTS:-constraints.txt}
log=$venv/setup.log

below=${BELOW:-4}

fits() {
  "$1" - "$below" 2>/dev/null <<'PYTHON'
import ensurepip, sys, venv
below = tuple(map(int, sys.argv[1].split(".")))
sys.exit(not (3, 11) <= sys.version_info < below)
PYTHON
}

find_python() {
  if [ -n "${PYTHON:-}" ]; then
    fits "$PYTHON" && { echo "$PYTHON"; return; }
    [ -z "${BELOW:-}" ] && echo "setup: PYTHON=$PYTHON is not a Python 3.11 or newer with venv and ensurepip" >&2 && return 1
  fi
  for name in python3 python3.11 python3.12 python3.13 python; do
    for candidate in $(type -ap "$name" || true); do
      fits "$candidate" && { echo "$candidate"; return; }
    done
  done
  [ -n "${BELOW:-}" ] && return 1
  echo "setup: no Python 3.11 or newer with venv and ensurepip on PATH;" >&2
  echo "setup: install one, or name it: make setup PYTHON=/path/to/python3.11" >&2
  return 1
}

if ! { [ -x "$venv/bin/python" ] && fits "$venv/bin/python"; }; then
  if ! python=$(find_python); then
    [ -n "${BELOW:-}" ] || exit 1
    mkdir -p "$venv"
    echo "[$extras] needs a Python from 3.11 on and below $BELOW, and there is none on PATH" >"$venv/skipped"
    echo "setup: $(cat "$venv/skipped"): $venv is not made"
    exit 0
  fi
  echo "setup: $("$python" --version) -> $venv"
  "$python" -m venv --clear "$venv"
fi

echo "setup: installing .[$extras] with $constraints (log: $log)"
"$venv/bin/python" -m pip install --disable-pip-version-check --no-input --progress-bar off \
  --constraint "$constraints" --editable ".[$extras]" >"$log" 2>&1 &
pip=$!
trap 'kill "$pip" 2>/dev/null || true' INT TERM

# a quiet minute looks like a hang: say now and then where pip is
seconds=0
while kill -0 "$pip" 2>/dev/null; do
  sleep 1
  seconds=$((seconds + 1))
  if [ $((seconds % 10)) -eq 0 ]; then
    line=$(grep -E '^(Collecting|Installing|Building|Preparing|Successfully)' "$log" | tail -n 1 || true)
    line=${line:-pip is at work}
    line=${line%% (*}
    echo "setup: ${seconds} s, ${line%%:*}"
  fi
done
if ! wait "$pip"; then
  tail -n 20 "$log" >&2
  echo "setup: pip failed; the whole log is $log" >&2
  exit 1
fi

# Airflow starts two to three times faster from bytecode, which nothing writes later on machines
# that set PYTHONDONTWRITEBYTECODE; what pip has compiled already is only looked at.
"$venv/bin/python" -m compileall -q -j 0 "$venv"/lib/python3.*/site-packages >>"$log" 2>&1 || true
echo "setup: done"
