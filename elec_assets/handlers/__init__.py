"""Entry points of other hosts: each imports no dagster."""
