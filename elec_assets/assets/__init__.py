"""Thin assets: window, resource, transform, store, metadata."""
