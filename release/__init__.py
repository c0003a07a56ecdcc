"""What a release is made with: `make dist`, `make lock`, `make deb`."""
