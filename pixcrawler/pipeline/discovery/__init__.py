"""Discovery: how engines are asked, what of their finds counts, and where each stands."""
