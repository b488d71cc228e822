"""Data in, data out; no network, no clock, no Dagster."""
