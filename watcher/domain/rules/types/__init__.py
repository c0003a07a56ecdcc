"""Rule types: one file a type, listed in `watcher.domain.rules` and nowhere else."""
