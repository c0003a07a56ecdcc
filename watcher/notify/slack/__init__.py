"""Slack by a bot token: messages with blocks, replies in threads, and the first message marked as over."""
