"""Notifications through apprise: one URL a channel."""
