"""Words: further queries for a keyword, out of templates or from a language model."""
