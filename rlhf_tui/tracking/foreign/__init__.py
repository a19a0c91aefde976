"""What other programs wrote, recognised and followed read-only: docs/foreign-logs.md."""
