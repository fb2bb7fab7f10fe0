"""The outlook of a job: what a sample and earlier jobs say of it."""
