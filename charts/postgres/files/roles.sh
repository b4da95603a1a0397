# Makes the user of the services and its database. The user is no superuser, so that a flaw in a service can't read
# the server's files or run programs there; CREATEDB is what restoring takes. The superuser then has no password:
# it signs in through the pod's own socket and from nowhere else.
#
# The image's entrypoint runs this once, on a data folder that it has just made.
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username=postgres --dbname=postgres \
  --set=user="$DATABASE_USER" --set=database="$DATABASE_NAME" <<'SQL'
\set password `cat "$PASSWORD_FILE"`
-- A statement that fails is logged, and this one holds the password.
SET log_min_error_statement = panic;
CREATE ROLE :"user" LOGIN CREATEDB PASSWORD :'password';
RESET log_min_error_statement;
GRANT pg_monitor TO :"user";
CREATE DATABASE :"database" OWNER :"user";
ALTER ROLE postgres PASSWORD NULL;
SQL
