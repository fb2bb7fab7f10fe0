"""The web: single API calls, guarded downloads in bulk, and manners for both."""
