"""What measurements work on, made from a seed."""
