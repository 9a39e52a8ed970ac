#!/bin/sh
# Installs the Debian 12 packages that are missing: packages.sh build|tests|lint ...
# Needs root or sudo only if something is missing.
set -eu

build="gcc libc6-dev meson ninja-build pkg-config python3 libcurl4-openssl-dev libjson-c-dev
	libyaml-dev libsqlite3-dev libssl-dev libmicrohttpd-dev libjq-dev zlib1g-dev
	libzstd-dev librdkafka-dev"
tests="$build binutils git libcmocka-dev openssl python3-jsonschema python3-pip
	python3-pytest python3-pytest-xdist python3-yaml bash zsh fish groff-base openjdk-17-jre-headless maven kcat jq
	curl zstd"
lint="clang clang-format clang-tidy"
# Node may come with an npm of its own, which Debian's package would take the place of.
command -v npm >/dev/null || tests="$tests npm"

wanted=
for group in "$@"; do
	case $group in
	build) wanted="$wanted $build" ;;
	tests) wanted="$wanted $tests" ;;
	lint) wanted="$wanted $lint" ;;
	*) echo "packages.sh: no group \"$group\": build, tests, lint" >&2; exit 2 ;;
	esac
done

missing=
for package in $wanted; do
	case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true) in
	"install ok installed") ;;
	*) missing="$missing $package" ;;
	esac
done
if [ -z "$missing" ]; then
	exit 0
fi

as_root=
if [ "$(id -u)" != 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "packages.sh: please install as root: apt-get install$missing" >&2
		exit 1
	fi
	as_root=sudo
fi
echo "installing$missing" >&2
# A mirror may stumble, and another apt may be at work.
apt="$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=5
	-o DPkg::Lock::Timeout=300"
$apt update >&2
# shellcheck disable=SC2086 # lists of words on purpose
$apt install -y --no-install-recommends $missing >/dev/null
