"""Webhook: JSON to a machine by POST, our own or as Alertmanager sends it."""
