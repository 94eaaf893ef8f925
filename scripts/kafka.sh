#!/usr/bin/env bash
# A real Apache Kafka for tests: KRaft, brokers that are their own controllers, on loopback, from Maven Central jars.
# Needs bash, Java 17 and, the first time, mvn.
#
#   kafka.sh start          start (a fresh or stopped cluster), wait until it answers, print the bootstrap servers
#   kafka.sh bootstrap      print the bootstrap servers: KAFKA_ADDR=$(scripts/kafka.sh bootstrap) go test ./...
#   kafka.sh stop           end all nodes, wait until they are gone
#   kafka.sh stop N         end node N (from 1 on);  start brings it back
#   kafka.sh kill [N]       the same with SIGKILL
#   kafka.sh wipe           stop and remove the cluster's data
#
# Environment: KAFKA_NODES (1; or 3), KAFKA_VERSION (4.3.1), KAFKA_HEAP (512m), KAFKA_CACHE (~/.cache/touchfold/kafka:
# jars), KAFKA_DATA ($KAFKA_CACHE/data: one cluster; name another folder for a second one beside it), KAFKA_PROPS (further
# broker properties of a cluster that is made, name=value, separated by blanks; of equal names the last counts).
set -euo pipefail

version=${KAFKA_VERSION:-4.3.1}
cache=${KAFKA_CACHE:-$HOME/.cache/touchfold/kafka}
data=${KAFKA_DATA:-$cache/data}
heap=${KAFKA_HEAP:-512m}
jars=$cache/jars-$version
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
export LC_ALL=C

die() { echo "kafka.sh: $*" >&2; exit 1; }

# The jars come once, into a folder that is renamed when it is complete.
fetch() {
  [ -d "$jars" ] && return
  command -v mvn >/dev/null || die "mvn is not installed, and $jars is not there yet"
  local tmp
  mkdir -p "$cache" && tmp=$(mktemp -d "$cache/fetch.XXXXXX")
  cat >"$tmp/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$version</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.25.4</version></dependency>
  </dependencies>
</project>
POM
  echo "kafka.sh: fetching Kafka $version into $jars" >&2
  mvn -q -B -f "$tmp/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$tmp/jars" >&2 || die "mvn could not fetch Kafka $version (see above)"
  mv "$tmp/jars" "$jars" 2>/dev/null || [ -d "$jars" ]
  rm -rf "$tmp"
}

run_java() { "$java" "-Dlog4j2.configurationFile=$data/log4j2.properties" -cp "$jars/*" "$@"; }

# Ports are chosen when a cluster is made and kept in $data/ports: two a node, the broker's and the controller's.
make_cluster() {
  [ -f "$data/ports" ] && return
  local n=${KAFKA_NODES:-1} ports=() p
  mkdir -p "$data"
  while [ "${#ports[@]}" -lt $((2 * n)) ]; do
    p=$((20000 + RANDOM % 12000)) # below the range that the system gives to clients
    [[ " ${ports[*]:-} " == *" $p "* ]] || (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null || ports+=("$p")
  done
  cat >"$data/log4j2.properties" <<'LOG'
status = error
appender.out.type = Console
appender.out.name = OUT
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = [%d] %p %m (%c{1})%n
rootLogger.level = WARN
rootLogger.appenderRef.out.ref = OUT
LOG
  echo "${ports[*]}" >"$data/ports"
}

nodes() { [ -f "$data/ports" ] || return 0; read -ra ports <"$data/ports"; seq $((${#ports[@]} / 2)); }
port() { read -ra ports <"$data/ports"; echo "${ports[2 * ($1 - 1)]}"; }
controller() { read -ra ports <"$data/ports"; echo "${ports[2 * ($1 - 1) + 1]}"; }

bootstrap() {
  [ -f "$data/ports" ] || die "no cluster in $data: start one first"
  local all=() i
  for i in $(nodes); do all+=("127.0.0.1:$(port "$i")"); done
  (IFS=,; echo "${all[*]}")
}

format() {
  local i=$1 dir=$data/node$1 voters=() j count replicas isr
  [ -f "$dir/log/meta.properties" ] && return
  for j in $(nodes); do voters+=("$j@127.0.0.1:$(controller "$j")"); done
  count=${#voters[@]} replicas=$((count < 3 ? 1 : 3)) isr=$((count < 3 ? 1 : 2))
  mkdir -p "$dir"
  cat >"$dir/server.properties" <<CONF
process.roles=broker,controller
node.id=$i
controller.quorum.voters=$(IFS=,; echo "${voters[*]}")
listeners=PLAINTEXT://127.0.0.1:$(port "$i"),CONTROLLER://127.0.0.1:$(controller "$i")
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$dir/log
auto.create.topics.enable=false
default.replication.factor=$replicas
min.insync.replicas=$isr
offsets.topic.replication.factor=$replicas
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=$replicas
transaction.state.log.min.isr=$isr
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=$replicas
share.coordinator.state.topic.min.isr=$isr
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=16777216
log.cleaner.backoff.ms=1000
num.network.threads=2
num.io.threads=4
$(printf '%s\n' ${KAFKA_PROPS:-})
CONF
  run_java -Xmx256m kafka.tools.StorageTool format -t dG91Y2hmb2xkLXRlc3RzMA -c "$dir/server.properties" \
    >"$dir/format.log" 2>&1 || { cat "$dir/format.log" >&2; die "node $i cannot be formatted"; }
}

# A pid is believed only if the process runs this node: pids are used again after a reboot.
pid() {
  local p
  p=$(cat "$data/node$1/pid" 2>/dev/null) || return 1
  tr '\0' ' ' <"/proc/$p/cmdline" 2>/dev/null | grep -qF "$data/node$1/server.properties" && echo "$p"
}

launch() {
  local dir=$data/node$1
  pid "$1" >/dev/null && return
  format "$1"
  setsid "$java" "-Xms$heap" "-Xmx$heap" -XX:+UseG1GC "-Dlog4j2.configurationFile=$data/log4j2.properties" \
    "-Dkafka.logs.dir=$dir" -cp "$jars/*" kafka.Kafka "$dir/server.properties" >>"$dir/server.log" 2>&1 </dev/null &
  echo $! >"$dir/pid"
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$(port "$1")") 2>/dev/null; }

# The port opens when the broker begins to serve; what is not settled then (leaders, coordinators), clients retry.
await() {
  local i
  for i in $(seq 600); do
    pid "$1" >/dev/null || { tail -20 "$data/node$1/server.log" >&2; die "node $1 died; $data/node$1/server.log says why"; }
    listens "$1" && return
    sleep 0.1
  done
  die "node $1 does not listen after a minute; see $data/node$1/server.log"
}

end() { # node, signal
  local p i
  p=$(pid "$1") || return 0
  kill "-$2" "$p" 2>/dev/null || return 0
  for i in $(seq 300); do
    # A dying process has no name any more while it still listens.
    pid "$1" >/dev/null || listens "$1" || { rm -f "$data/node$1/pid"; return 0; }
    sleep 0.1
  done
  [ "$2" = KILL ] && die "node $1 (pid $p) does not end"
  end "$1" KILL
}

case ${1:-} in
  start)
    fetch
    make_cluster
    for i in $(nodes); do launch "$i"; done
    for i in $(nodes); do await "$i"; done
    bootstrap
    ;;
  bootstrap) bootstrap ;;
  stop | kill)
    signal=$([ "$1" = stop ] && echo TERM || echo KILL)
    for i in ${2:-$(nodes)}; do end "$i" "$signal" & done
    wait
    ;;
  wipe)
    for i in $(nodes); do end "$i" TERM & done
    wait
    rm -rf "$data"
    ;;
  *)
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2
    exit 2
    ;;
esac
