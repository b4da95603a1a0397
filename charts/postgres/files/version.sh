# Stops a server whose major version is not that of the data, before it touches the data.
set -eu

[ -s "$PGDATA/PG_VERSION" ] || { echo "no data yet"; exit 0; }
data=$(cat "$PGDATA/PG_VERSION")
image=$(postgres --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
if [ "$data" = "$image" ]; then
  echo "data and image are both of PostgreSQL $image"
  exit 0
fi

if [ "$data" = "$UPGRADE_FROM" ]; then
  aside=$PGDATA-$data
  if [ -e "$aside" ]; then
    echo "$aside exists already, from an earlier upgrade; remove it, or the data of PostgreSQL $data has no place to go" >&2
    exit 1
  fi
  mv "$PGDATA" "$aside"
  sync "${PGDATA%/*}"
  echo "the data of PostgreSQL $data is set aside as $aside; PostgreSQL $image starts empty"
  exit 0
fi

cat >&2 <<EOF
The data is of PostgreSQL $data and the image is PostgreSQL $image, which can't read it. Nothing was changed.
Go back to an image of PostgreSQL $data, or upgrade: make a backup with PostgreSQL $data, and then set, beside the
image, upgradeFrom to $data and restore.file to the name of that backup. See "A new major version" in the
README of the chart.
EOF
exit 1
