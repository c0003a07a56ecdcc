"""The work: polling, delivering, replaying."""
