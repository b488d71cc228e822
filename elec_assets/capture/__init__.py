"""The long-lived collector of the filtered stream of X: spool, connection, service. No Dagster here."""
