"""The daemon: runs until told to stop. Signals, reload, watchdog, systemd, memory."""
