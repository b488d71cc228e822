"""Servers on 127.0.0.1 that speak the wire protocols of the outside systems, over one seeded world."""
