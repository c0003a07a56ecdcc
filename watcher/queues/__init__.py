"""Queues: who is due, and in which order."""
