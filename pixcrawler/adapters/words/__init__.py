"""Words: a language model over HTTPS that knows other ways to search for a thing."""
