"""Supabase: who is asking."""
