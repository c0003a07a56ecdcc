"""Configuration: files and environment into frozen settings and rules, or every mistake at once."""
