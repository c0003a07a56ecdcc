"""Discord by a bot: embeds, replies to the first message, and that one marked as over."""
