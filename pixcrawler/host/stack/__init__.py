"""The real parts that one machine needs: PostgreSQL, Azurite, sign-in, pictures."""
