"""Telegram by a bot of one's own: messages with buttons, and people who answer them."""
