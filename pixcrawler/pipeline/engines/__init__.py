"""Engines as the pipeline knows them: ports, the rules of their desk, which a job may use."""
