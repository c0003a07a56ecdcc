"""The application: everything is built once here, and closed in reverse."""
