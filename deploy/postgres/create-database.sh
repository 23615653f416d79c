#!/bin/bash
# Makes the database and its logins, each with the rights that it needs and no more: create-database.sh [DATABASE]
# Run it as a superuser (`sudo -u postgres`); libpq's PG* variables say where. Safe to run again.
#
#   absurd_owner     owns the database and the schema; `absurd init` and absurd-migrate.service use it
#   absurd_node      leaders: claims and finishes                      (absurd_leader)
#   absurd_operator  spawns, cancels, retries, sets limits, archives   (absurd_client, absurd_admin)
#   absurd_viewer    looks: monitoring and dashboards                  (absurd_reader)
#
# A login gets a password from ABSURD_OWNER_PASSWORD, ABSURD_NODE_PASSWORD, ... if set; without one only peer, ident or
# certificate authentication lets it in. Passwords travel through psql's variables, never through an argument.
set -euo pipefail
database=${1:-absurd}
psql -qX --set=ON_ERROR_STOP=1 --dbname=postgres --set=database="$database" --file="$(dirname "$0")/logins.sql"
psql -qX --set=ON_ERROR_STOP=1 --dbname="$database" --set=database="$database" --file="$(dirname "$0")/rights.sql"
echo "database $database: next, as absurd_owner: absurd init; then leaders as absurd_node" >&2
