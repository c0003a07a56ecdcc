"""Readings: which of an answer is believed, and how it changes what is known of an account."""
