"""Writes the pages of reference anew: `python -m tests.reference`."""

from __future__ import annotations

import sys

from tests.reference.pages import PAGES, written


def main() -> None:
    for path, made in PAGES.items():
        page = path.read_text(encoding="utf-8")
        new = written(page, made())
        if new != page:
            path.write_text(new, encoding="utf-8")
            sys.stdout.write(f"{path.name}: written anew\n")


if __name__ == "__main__":
    main()
