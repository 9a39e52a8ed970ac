#!/bin/sh
# The whole of closefeed in a minute, on this machine alone: builds it, starts a stand-in for Close,
# sends it 200 companies, kills the run half-way with kill -9, goes on, and shows that nothing is
# lost and nothing is twice.
set -eu
cd "$(dirname "$0")/../.."
here=$PWD/pipelines/quickstart

say() {
	printf '\n== %s\n' "$*"
}

say 'build'
sh packaging/packages.sh build
if [ ! -f build/build.ninja ]; then
	meson setup build -Dtests=false >/dev/null
fi
ninja -C build connector/closefeed | tail -n 1
PATH=$PWD/build/connector:$PATH

work=$(mktemp -d)
sandbox=
finish() {
	if [ -n "$sandbox" ]; then
		kill "$sandbox" 2>/dev/null || true
	fi
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
cp "$here/companies.ndjson" "$work"

say 'a stand-in for Close, which receives the webhook, too'
export CLOSE_API_KEY=api_sandbox.key QUARANTINE=4s
export HOOK_SECRET=whsec_cXVpY2tzdGFydCBvZiBjbG9zZWZlZWQsIHRyeSBpdA==
closefeed sandbox --port 0 --key "$CLOSE_API_KEY" --hook-secret "$HOOK_SECRET" --speed 4 --latency 50 \
	>"$work/ready" 2>"$work/sandbox.log" &
sandbox=$!
while [ ! -s "$work/ready" ]; do
	kill -0 "$sandbox"
	sleep 0.05
done
cat "$work/ready"
CLOSE_BASE_URL=$(sed -n 's/^ready base_url=\([^ ]*\).*/\1/p' "$work/ready")
HOOK_URL=${CLOSE_BASE_URL%/api/v1}/_sandbox/hook
export CLOSE_BASE_URL HOOK_URL XDG_STATE_HOME="$work/state"
field=$(python3 "$here/sandbox.py" make-field 'Feed Key')
sed "s/cf_QuickstartFeedKey/$field/" "$here/pipeline.yaml" >"$work/pipeline.yaml"
cd "$work"

say 'closefeed check pipeline.yaml --online'
closefeed check pipeline.yaml --online

say 'closefeed preview pipeline.yaml -n 1'
closefeed preview pipeline.yaml -n 1

say 'closefeed run pipeline.yaml, killed half-way with kill -9'
closefeed run pipeline.yaml &
run=$!
leads=$(python3 "$here/sandbox.py" wait-for-leads 80)
kill -9 "$run"
wait "$run" 2>/dev/null || true
echo "killed; there are $leads leads"

say 'closefeed run pipeline.yaml, again'
code=0
closefeed run pipeline.yaml || code=$?
echo "exit code $code"
if [ "$code" != 1 ]; then # 1: done, and some records were rejected
	exit "$code"
fi

say 'closefeed rejects list pipeline.yaml'
closefeed rejects list pipeline.yaml

say 'what is in the sandbox now'
python3 "$here/sandbox.py" show "$field"
