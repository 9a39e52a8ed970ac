#!/bin/sh
# A real Apache Kafka for tests: one JVM, bound to 127.0.0.1, everything it writes below DIR.
set -eu

usage() {
	cat <<-'EOF'
	usage: kafka.sh VERB ...
	  fetch                                download the jars once (56 MB) and make starting faster
	  start DIR [key=value ...]            new broker on free ports; broker settings as key=value
	  start DIR join=DIR1 node.id=N [...]  one more broker in the cluster of DIR1
	  start-secure DIR [key=value ...]     the same, with an SSL and a SASL_SSL (SCRAM-SHA-512) listener besides
	  restart DIR [key=value ...]          same data, same ports; after stop or kill, or of a running broker
	  stop DIR | kill DIR                  clean shutdown | kill -9
	  freeze DIR | thaw DIR                SIGSTOP, until it stands still | SIGCONT
	  clean DIR                            kill, and remove what start made
	  topic DIR NAME PARTITIONS [config=value ...]
	  delete-topic DIR NAME
	  offsets DIR TOPIC                    TOPIC:PARTITION:END
	  describe-group DIR GROUP [--members | --state | --verbose ...]
	  delete-offsets DIR GROUP TOPIC       the group must not be reading TOPIC
	  delete-records DIR TOPIC PARTITION OFFSET     records before OFFSET
	  tool DIR CLASS [ARG ...]             any tool; --bootstrap-server is added
	start prints one line and writes the same words, one a line, to DIR/env. Jars: $KAFKA_HOME_CACHE.
	Exit status: 0 done, 1 failed, 2 wrong usage, 77 java or mvn is missing.
	EOF
}

here=$(cd "$(dirname "$0")" && pwd)
version=$(sed -n 's|.*<kafka.version>\(.*\)</kafka.version>.*|\1|p' "$here/pom.xml")
cache=${KAFKA_HOME_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kafka-local}/$version
archive=$cache/classes.jsa # class-data archive: halves the processor time of a start
ready_s=120 # a machine that builds something besides is slow

die() {
	echo "kafka.sh: $*" >&2
	exit 1
}

wrong_usage() {
	usage >&2
	exit 2
}

need() {
	command -v "$1" >/dev/null 2>&1 && return
	echo "kafka.sh: $1 is not installed: $2" >&2
	exit 77
}

# The JVM, not the shell, must expand the star.
jvm() {
	if [ -r "$archive" ]; then
		set -- "-XX:SharedArchiveFile=$archive" -Xlog:cds=off -Xlog:cds+dynamic=off "$@"
	fi
	exec java -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC \
		"-Dlog4j.configuration=file:$here/log4j.properties" -cp "$cache/lib/*" "$@"
}

run_jvm() {
	(jvm "$@")
}

random_port() { # below the range that the kernel hands out to clients
	n=$(od -An -N2 -tu2 /dev/urandom)
	echo $((n % 12000 + 20000))
}

# Prints $1 distinct ports on which nothing listens.
free_ports() {
	found=
	left=$1
	while [ "$left" -gt 0 ]; do
		port=$(random_port)
		case " $found " in *" $port "*) continue ;; esac
		if cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
			grep -qi "^ *[0-9]*: [0-9A-F]*:$(printf %04X "$port") "; then
			continue
		fi
		found="$found $port"
		left=$((left - 1))
	done
	echo "$found"
}

env_of() { # value of $1 in DIR/env
	sed -n "s/^$1=//p" "${2:-$dir}/env" 2>/dev/null || :
}

# True while the process of DIR/env is our broker: never signals a stranger, and a zombie has no command line.
alive() {
	pid=$(env_of pid)
	[ -n "$pid" ] && { tr '\0' '\n' <"/proc/$pid/cmdline"; } 2>/dev/null | grep -qxF "$dir/server.properties"
}

signal() {
	alive || die "no broker is running in $dir"
	kill "-$1" "$pid"
}

stands() { # every thread: kill returns before they stop
	! grep -h '^State:' "/proc/$pid/task/"*/status 2>/dev/null | grep -qv '(stopped)'
}

wait_gone() { # seconds
	tries=$(($1 * 10))
	while alive; do
		[ "$tries" -gt 0 ] || return 1
		tries=$((tries - 1))
		sleep 0.1
	done
}

wait_ready() {
	tries=$((ready_s * 10))
	until grep -q 'Kafka Server started' "$dir/out.log"; do
		alive || return 1
		[ "$tries" -gt 0 ] || die "not ready after $ready_s s, see $dir/out.log"
		tries=$((tries - 1))
		sleep 0.1
	done
}

launch() { # runs the broker of DIR; false when it ended before it was ready
	if [ -f "$dir/out.log" ]; then mv "$dir/out.log" "$dir/out.log.1"; fi
	jvm "$@" kafka.Kafka "$dir/server.properties" >"$dir/out.log" 2>&1 </dev/null &
	pid=$!
	grep -v '^pid=' "$dir/env" >"$dir/env.new" || :
	echo "pid=$pid" >>"$dir/env.new"
	mv "$dir/env.new" "$dir/env"
	until alive || ! kill -0 "$pid" 2>/dev/null; do sleep 0.01; done # the shell becomes java
	wait_ready
}

report() {
	paste -sd ' ' "$dir/env"
}

failed() {
	tail -n 15 "$dir/out.log" >&2
	die "the broker ended before it was ready, see $dir/out.log"
}

append() { # key=value ... to the settings
	for pair in "$@"; do
		case $pair in
		?*=*) echo "$pair" ;;
		*) die "not key=value: $pair" ;;
		esac
	done >>"$dir/server.properties"
}

certificate() { # name, signing CA's name, subjectAltName
	openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr"
	echo "subjectAltName=$3" >"$1.ext"
	openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -days 30 -extfile "$1.ext" -out "$1.pem"
}

make_tls() {
	need openssl 'install openssl'
	mkdir -p "$dir/tls"
	(
		cd "$dir/tls"
		for ca in ca other-ca; do
			openssl req -x509 -newkey rsa:2048 -nodes -subj "/CN=kafka-local $ca" -days 30 -keyout $ca.key -out $ca.pem
		done
		certificate broker ca IP:127.0.0.1 # localhost is a wrong host name on purpose
		cat broker.key broker.pem ca.pem >broker-chain.pem
	) >"$dir/openssl.log" 2>&1 || die "openssl failed, see $dir/openssl.log"
}

secure_settings() { # port, controller port, ssl port, sasl port
	cat >>"$dir/server.properties" <<-EOF
	listeners=PLAINTEXT://127.0.0.1:$1,CONTROLLER://127.0.0.1:$2,SSL://127.0.0.1:$3,SASL_SSL://127.0.0.1:$4
	advertised.listeners=PLAINTEXT://127.0.0.1:$1,SSL://127.0.0.1:$3,SASL_SSL://127.0.0.1:$4
	ssl.keystore.type=PEM
	ssl.keystore.location=$dir/tls/broker-chain.pem
	sasl.enabled.mechanisms=SCRAM-SHA-512
	listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
	EOF
	cat >>"$dir/env" <<-EOF
	ssl=127.0.0.1:$3
	sasl_ssl=127.0.0.1:$4
	user=test
	password=test-secret
	ca=$dir/tls/ca.pem
	EOF
}

join_settings() { # the other broker's directory, port
	cat >>"$dir/server.properties" <<-EOF
	process.roles=broker
	controller.quorum.voters=1@$(env_of controller "$1")
	listeners=PLAINTEXT://127.0.0.1:$2
	EOF
}

# Writes DIR's settings and formats its data: kind (plain or secure), other broker's directory or nothing, key=value ...
prepare() {
	kind=$1
	join=$2
	shift 2
	rm -rf "$dir/data"
	pairs=$*
	# shellcheck disable=SC2046 # one word each
	set -- $(free_ports 4) "$@"
	port=$1 controller=$2 ssl=$3 sasl=$4
	shift 4
	sed -e "s|@PORT@|$port|" -e "s|@CONTROLLER_PORT@|$controller|" -e "s|@DIR@|$dir|" \
		"$here/server.properties.in" >"$dir/server.properties"
	cluster=$(head -c 16 /dev/urandom | base64 | tr '/+' '__' | tr -d '=')
	echo "bootstrap=127.0.0.1:$port" >"$dir/env"
	if [ -n "$join" ]; then
		cluster=$(env_of cluster "$join")
		join_settings "$join" "$port"
	else
		echo "controller=127.0.0.1:$controller" >>"$dir/env"
	fi
	echo "cluster=$cluster" >>"$dir/env"
	[ "$kind" = plain ] || secure_settings "$port" "$controller" "$ssl" "$sasl"
	append "$@"
	set -- -t "$cluster" -c "$dir/server.properties"
	[ "$kind" = plain ] || set -- "$@" --add-scram 'SCRAM-SHA-512=[name=test,password=test-secret]'
	run_jvm kafka.tools.StorageTool format "$@" >"$dir/format.log" 2>&1 || die "format failed, see $dir/format.log: $pairs"
}

start() { # kind, key=value ...
	kind=$1
	shift
	alive && die "a broker is already running in $dir (pid $pid)"
	join=
	case ${1:-} in join=*)
		join=$(cd "${1#join=}" && pwd)
		shift
		;;
	esac
	[ "$kind" = plain ] || make_tls
	for attempt in 1 2 3; do # another process may take a port in between
		prepare "$kind" "$join" "$@"
		launch && return
		grep -qiE 'address already in use|BindException' "$dir/out.log" || break
		[ "$attempt" -lt 3 ] && continue
	done
	failed
}

# A first broker writes down which classes it loaded; later ones map them instead of loading them anew.
make_archive() {
	dir=$cache/warm-up
	mkdir -p "$dir"
	prepare plain ''
	if launch "-XX:ArchiveClassesAtExit=$archive.new"; then
		signal TERM
		wait_gone 60 && [ -s "$archive.new" ] && mv -f "$archive.new" "$archive"
	fi
	alive && signal KILL
	rm -rf "$dir" "$archive.new"
}

fetch() {
	need java 'install a Java runtime, 17 or later'
	[ -d "$cache/lib" ] && return
	need mvn 'install maven'
	mkdir -p "$cache"
	exec 9>"$cache/lock"
	flock 9
	[ -d "$cache/lib" ] && return # somebody else was quicker
	echo "kafka.sh: fetching the jars into $cache" >&2
	new=$(mktemp -d "$cache/new.XXXXXX")
	trap 'rm -rf "$new"' EXIT
	mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
		"-DoutputDirectory=$new" >"$cache/mvn.log" 2>&1 || {
		head -n 5 "$cache/mvn.log" >&2
		die "Maven could not fetch the jars, see $cache/mvn.log"
	}
	mv "$new" "$cache/lib"
	(make_archive 9>&-) >/dev/null 2>&1 || :
}

tool() { # class, arguments
	bootstrap=$(env_of bootstrap)
	[ -n "$bootstrap" ] || die "no broker was started in $dir"
	class=$1
	shift
	status=0
	text=$(run_jvm "$class" --bootstrap-server "$bootstrap" "$@") || status=$?
	echo "$text"
	case $text in *'Error: '* | *'error: '*) status=1 ;; esac # some tools report failure in words only
	return $status
}

topic() {
	name=$1 partitions=$2
	shift 2
	for pair in "$@"; do
		set -- "$@" --config "$pair"
		shift
	done
	tool org.apache.kafka.tools.TopicCommand --create --topic "$name" --partitions "$partitions" "$@"
}

delete_records() { # topic, partition, offset
	json=$dir/delete-records.json
	printf '{"version":1,"partitions":[{"topic":"%s","partition":%d,"offset":%d}]}\n' "$1" "$2" "$3" >"$json"
	tool org.apache.kafka.tools.DeleteRecordsCommand --offset-json-file "$json"
}

clean() {
	if alive; then
		signal KILL
		wait_gone 60 || die "pid $pid does not end"
	fi
	rm -rf "$dir/data" "$dir/tls"
	for file in env env.new server.properties out.log out.log.1 format.log openssl.log delete-records.json; do
		rm -f "$dir/$file"
	done
	rmdir "$dir" 2>/dev/null || :
}

stop() {
	alive || return 0
	kill -CONT "$pid" # a frozen process cannot hear SIGTERM
	kill -TERM "$pid"
	wait_gone 60 || die "pid $pid has not ended after 60 s"
}

args() { # how many a verb needs, then those it has
	[ $(($# - 1)) -ge "$1" ] || wrong_usage
}

[ $# -ge 1 ] || wrong_usage
verb=$1
shift
case $verb in
fetch)
	fetch
	exit
	;;
-h | --help | help)
	usage
	exit
	;;
esac

args 1 "$@"
case $verb in start | start-secure) mkdir -p "$1" ;; esac
if [ "$verb" = clean ] && [ ! -d "$1" ]; then exit 0; fi
dir=$(cd "$1" && pwd)
shift
case $verb in stop | kill | freeze | thaw | clean) ;; *) fetch ;; esac

groups=org.apache.kafka.tools.consumer.group.ConsumerGroupCommand
case $verb in
start)
	start plain "$@"
	report
	;;
start-secure)
	start secure "$@"
	report
	;;
restart)
	stop
	append "$@"
	launch || failed
	report
	;;
stop) stop ;;
kill)
	signal KILL
	wait_gone 60 || die "pid $pid does not end"
	;;
freeze)
	signal STOP
	until stands; do sleep 0.01; done
	;;
thaw) signal CONT ;;
clean) clean ;;
topic)
	args 2 "$@"
	topic "$@"
	;;
delete-topic)
	args 1 "$@"
	tool org.apache.kafka.tools.TopicCommand --delete --topic "$1"
	;;
offsets)
	args 1 "$@"
	tool org.apache.kafka.tools.GetOffsetShell --topic "$1"
	;;
describe-group)
	args 1 "$@"
	group=$1
	shift
	tool "$groups" --describe --group "$group" "$@"
	;;
delete-offsets)
	args 2 "$@"
	tool "$groups" --delete-offsets --group "$1" --topic "$2"
	;;
delete-records)
	args 3 "$@"
	delete_records "$@"
	;;
tool)
	args 1 "$@"
	tool "$@"
	;;
*) wrong_usage ;;
esac
