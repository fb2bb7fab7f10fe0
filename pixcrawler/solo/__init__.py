"""Steps alone on one machine: no host, no queue, no database."""
