#!/usr/bin/env bash
# Roles and the first database of a new cluster. Patroni runs it as the user postgres, right after initdb; when it fails,
# Patroni gives the new cluster up. Safe to repeat.
set -euo pipefail
exec psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --host /var/run/postgresql --username postgres --dbname postgres \
  --file /etc/pgkeel/patroni/roles.sql --file /etc/pgkeel/patroni/database.sql
