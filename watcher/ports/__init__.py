"""Ports: Protocols and the records that go through them. Nothing here does anything."""
