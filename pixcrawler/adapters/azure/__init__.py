"""Azure: blob storage and its links, tiers and errors."""
