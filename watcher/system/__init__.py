"""The system around us: files and network connections, safe to use and with errors in words."""
