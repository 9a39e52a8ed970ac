#!/bin/sh
# Installs Prism, which judges requests by an OpenAPI document, where it is missing: prism.sh FOLDER
# Its program is FOLDER/node_modules/.bin/prism then. Exit status: 0 done, 1 failed, 77 npm is missing.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
folder=${1:?usage: prism.sh FOLDER}

if [ -x "$folder/node_modules/.bin/prism" ] && cmp -s "$here/package-lock.json" "$folder/installed"; then
	exit 0
fi
command -v npm >/dev/null || {
	echo "prism.sh: npm is not installed: install npm" >&2
	exit 77
}
rm -rf "$folder"
mkdir -p "$folder"
cp "$here/package.json" "$here/package-lock.json" "$folder"
npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --no-update-notifier \
	--fetch-retries 6 >&2 || exit 1
cp "$here/package-lock.json" "$folder/installed" # last: what is half there does not count
