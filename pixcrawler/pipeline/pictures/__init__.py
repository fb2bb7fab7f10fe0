"""Pictures: what bytes claim to be, what their pixels show."""
