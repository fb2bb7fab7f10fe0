"""Papers: what is written about a dataset: labels, first page, log, and why there is less."""
