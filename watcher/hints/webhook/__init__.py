"""Webhooks: hints that somebody posts to `/hints/{name}` of the daemon's own server."""
