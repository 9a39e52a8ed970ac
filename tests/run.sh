#!/bin/sh
# Installs what tests need, builds with sanitizers, runs everything. The last line is the result:
# "N passed, N failed". Words after the script's name go to pytest, to run a part of it.
# CLOSEFEED_LINT names a file of results that other checks have ("pass NAME" or "fail NAME" a line) and
# that is there when they have ended.
set -eu
cd "$(dirname "$0")/.."

# Nothing of the caller's shell may change what is tested.
unset http_proxy https_proxy all_proxy no_proxy NO_COLOR XDG_STATE_HOME STATE_DIRECTORY || true
export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
export ASAN_OPTIONS=detect_stack_use_after_return=1:abort_on_error=0
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1

sh packaging/packages.sh tests

build=build-test release=build-release
rm -f $build/meson-logs/testlog.json $build/pytest.xml
if [ ! -f $build/build.ninja ]; then
	CC=gcc meson setup $build -Dwerror=true -Db_sanitize=address,undefined -Db_lundef=false \
		-Dtest_hooks=true >/dev/null
fi
if [ ! -f $release/build.ninja ]; then
	CC=gcc meson setup $release -Dwerror=true -Dtests=false >/dev/null
fi

# A network that stumbles is asked twice.
fetch() {
	"$@" || { sleep 15 && "$@"; }
}

# The jars of a Kafka broker and Prism, once, while the builds run; without them tests fail.
fetch sh tests/kafka/kafka.sh fetch >$build/kafka.log 2>&1 &
jars=$!
fetch sh tests/prism/prism.sh $build/prism >$build/prism.log 2>&1 &
prism=$!
# Other people's clients of Close, likewise.
fetch sh tests/clients/fetch.sh "$PWD/$build/clients" >$build/clients.log 2>&1 &
clients=$!

failed_builds=
for dir in $build $release; do
	ninja -C $dir >$dir/build.log 2>&1 || {
		grep -E 'error|FAILED' $dir/build.log | head -n 20 || tail -n 20 $dir/build.log
		failed_builds="$failed_builds $dir"
	}
done

# Tests mostly wait, so two at a time keep a core busy.
workers=$(($(nproc) * 2))
if [ $workers -gt 8 ]; then workers=8; fi

export CLOSEFEED_BIN="$PWD/$build/connector/closefeed"
export CLOSEFEED_RELEASE_BIN="$PWD/$release/connector/closefeed"
export CLOSEFEED_CLIENTS="$PWD/$build/clients"
if [ -z "$failed_builds" ]; then
	# The longest wait for groups of Kafka, and begin first.
	meson test -C $build --no-rebuild --num-processes $workers --timeout-multiplier 4 \
		>$build/unit.log 2>&1 || true
	wait $jars || { echo "No Kafka for the tests:" && cat $build/kafka.log; }
	wait $prism || { echo "No Prism for the tests:" && cat $build/prism.log; }
	wait $clients || { echo "No clients for the tests:" && cat $build/clients.log; }
	timeout 1200 pytest-3 -q -p no:cacheprovider -n $workers --dist loadgroup \
		--junitxml=$build/pytest.xml --tb=short \
		tests/house tests/integration tests/faults "$@" >$build/pytest.log 2>&1 ||
		tail -n 20 $build/pytest.log
fi

tries=900
while [ -n "${CLOSEFEED_LINT:-}" ] && [ ! -e "$CLOSEFEED_LINT" ] && [ $tries -gt 0 ]; do
	sleep 1
	tries=$((tries - 1))
done

# shellcheck disable=SC2086 # a list of words on purpose
exec python3 tests/tally.py --unit $build/meson-logs/testlog.json --pytest $build/pytest.xml \
	--lint "${CLOSEFEED_LINT:-}" $failed_builds
