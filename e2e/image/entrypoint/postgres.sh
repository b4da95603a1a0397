#!/usr/bin/env bash
# Starts PostgreSQL as the official image does, as far as its documentation promises it to a container that is not
# root: the first start makes the data folder, with the superuser's password, and runs what is in
# /docker-entrypoint-initdb.d against a server that listens on the socket alone.
set -Eeo pipefail

if [ "${1:0:1}" = - ]; then
	set -- postgres "$@"
fi
if [ "$1" != postgres ] || [ -s "$PGDATA/PG_VERSION" ]; then
	exec "$@"
fi

POSTGRES_USER=${POSTGRES_USER:-postgres}
if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then
	POSTGRES_PASSWORD=$(<"$POSTGRES_PASSWORD_FILE")
fi
if [ -z "${POSTGRES_PASSWORD:-}" ]; then
	echo "the superuser has no password: set POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE" >&2
	exit 1
fi
mkdir -p "$PGDATA"
chmod 0700 "$PGDATA" || :

# initdb wants its user to have a name, which one that only Kubernetes knows has not.
named=()
if ! getent passwd "$(id -u)" >/dev/null; then
	passwd=$(mktemp) group=$(mktemp)
	echo "postgres:x:$(id -u):$(id -g):PostgreSQL:$PGDATA:/bin/false" >"$passwd"
	echo "postgres:x:$(id -g):" >"$group"
	named=(env LD_PRELOAD=libnss_wrapper.so NSS_WRAPPER_PASSWD="$passwd" NSS_WRAPPER_GROUP="$group")
fi
# The arguments are words on purpose.
# shellcheck disable=SC2086
"${named[@]}" initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") ${POSTGRES_INITDB_ARGS:-}
rm -f ${passwd:+"$passwd" "$group"}
printf '\nhost all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >>"$PGDATA/pg_hba.conf"

export PGPASSWORD=$POSTGRES_PASSWORD
printf -v options '%q ' "${@:2}" -c listen_addresses=
pg_ctl --pgdata="$PGDATA" --options="$options" --wait start
for file in /docker-entrypoint-initdb.d/*; do
	case $file in
	*.sh)
		echo "$0: $file"
		if [ -x "$file" ]; then "$file"; else . "$file"; fi
		;;
	*.sql)
		echo "$0: $file"
		psql --no-psqlrc --no-password --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="${POSTGRES_DB:-$POSTGRES_USER}" --file="$file"
		;;
	esac
done
pg_ctl --pgdata="$PGDATA" --mode=fast --wait stop
unset PGPASSWORD
exec "$@"
