"""What ./dev is made of; nothing but the standard library."""
