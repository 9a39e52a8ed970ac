#!/bin/sh
# Installs the clients that tests/integration/test_sandbox_clients.py runs: fetch.sh DIR. Nothing is
# done where DIR has them already.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$1
if cmp -s "$here/requirements.txt" "$dir/requirements.txt"; then
	exit 0
fi
rm -rf "$dir" "$dir.new"
# Debian's own, which pytest-3 runs with, too.
/usr/bin/python3 -m pip install --quiet --no-deps --no-warn-script-location \
	--root-user-action=ignore --disable-pip-version-check --retries 10 \
	--target "$dir.new" -r "$here/requirements.txt"
cp "$here/requirements.txt" "$dir.new/"
mv "$dir.new" "$dir"
