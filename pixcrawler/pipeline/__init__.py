"""What happens to things: one file a step."""
