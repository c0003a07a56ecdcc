"""Reports: what is, in the shapes that scripts rely on; for `--json`, tables and the page alike."""
