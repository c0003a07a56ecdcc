"""People who answer in chats: buttons and commands, from those who may. Loaded only where `chat:` is set."""
