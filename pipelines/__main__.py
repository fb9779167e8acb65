"""`python -m pipelines` and the console script."""

from __future__ import annotations


def main() -> None:
    from pipelines.cli import app

    app()


if __name__ == "__main__":
    main()
