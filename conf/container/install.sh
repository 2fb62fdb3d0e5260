#!/bin/sh
# Usage: install.sh SOURCE TARGET: a virtual environment TARGET with niffler_ops and what it needs to run.
# UV names a uv that is there already. Every file that is fetched, those that build the wheel too, has to have a digest that requirements.lock names.
set -eu
source=$1 target=$2
lock=$source/requirements.lock
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ -z "${UV:-}" ]; then
    awk '/^[a-z]/ { wanted = /^uv==/ } wanted' "$lock" > "$work/uv.lock"
    python3 -m venv "$work/tools"
    "$work/tools/bin/python" -m pip install --quiet --disable-pip-version-check \
        --require-hashes -r "$work/uv.lock"
    UV=$work/tools/bin/uv
fi

"$UV" build --quiet --wheel --build-constraints "$lock" --require-hashes --out-dir "$work/wheel" "$source"
"$UV" venv --quiet --python python3 "$target"
"$UV" pip install --quiet --python "$target" \
    --require-hashes --constraints "$lock" --requirements "$source/pyproject.toml"
"$UV" pip install --quiet --python "$target" --no-deps "$work"/wheel/*.whl
