"""Stand-ins that keep everything in this process: same contracts, no servers."""
