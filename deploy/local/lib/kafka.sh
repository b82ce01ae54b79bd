# shellcheck shell=bash
# shellcheck disable=SC2154 # dir and here are those of the script that reads this
# Apache Kafka 4: one node that is broker and controller, from the jars that kafka/pom.xml pins.

java_version_min=17

kafka_java() {
  local program
  for program in "${JAVA_HOME:+$JAVA_HOME/bin/java}" "$(command -v java || true)" /usr/lib/jvm/java-17-openjdk-*/bin/java; do
    if [[ -x "$program" ]] && (($("$program" -version 2>&1 | sed -nE 's/.*version "([0-9]+).*/\1/p') >= java_version_min)); then
      printf '%s\n' "$program"
      return
    fi
  done
  return 1
}

kafka_install() {
  kafka_java >/dev/null || packages openjdk-17-jre-headless
  if (cd "$dir/kafka/jars" 2>/dev/null && sha256sum --quiet --strict -c "$here/kafka/jars.sha256" 2>/dev/null); then return; fi
  command -v mvn >/dev/null || packages maven
  rm -rf "$dir/kafka/jars" "$dir/kafka/resolve"
  mkdir -p "$dir/kafka/resolve"
  cp "$here/kafka/pom.xml" "$dir/kafka/resolve/"
  mvn -q -B -f "$dir/kafka/resolve/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
    -DoutputDirectory="$dir/kafka/jars" </dev/null
  (cd "$dir/kafka/jars" && sha256sum --quiet --strict -c "$here/kafka/jars.sha256") ||
    die "the jars of Kafka are not those that kafka/jars.sha256 pins"
}

kafka_address() { printf '127.0.0.1:%s' "$(port_of kafka)"; }

kafka_start() {
  local java config="$dir/kafka/server.properties" port controller
  java="$(kafka_java)"
  port="$(port_of kafka)"
  controller="$(port_of kafka-controller)"
  mkdir -p "$dir/kafka/data"
  sed -e "s|@PORT@|$port|; s|@CONTROLLER_PORT@|$controller|; s|@DATA@|$dir/kafka/data|" \
    "$here/kafka/server.properties" | sed "s|@PORT@|$port|; s|@CONTROLLER_PORT@|$controller|" >"$config"
  if [[ ! -f "$dir/kafka/data/meta.properties" ]]; then
    "$java" -Xmx128m -cp "$dir/kafka/jars/*" kafka.tools.StorageTool format --ignore-formatted -c "$config" \
      -t "$(python3 -c 'import base64, os; print(base64.urlsafe_b64encode(b"\x01" + os.urandom(15)).decode().rstrip("="))')"
  fi
  daemon kafka "$java" -Xms256m -Xmx512m -XX:+UseG1GC -XX:+ExitOnOutOfMemoryError -Djava.awt.headless=true \
    "-Dlog4j2.configurationFile=$here/kafka/log4j2.properties" -cp "$dir/kafka/jars/*" kafka.Kafka "$config"
}

kafka_answers() { python3 "$here/answers.py" kafka "$(kafka_address)"; }

kafka_prepare() { :; }
