"""The part of Supabase Auth that the unmodified supabase client needs, on one machine."""

from pixcrawler.host.stack.auth.server import AuthServer
from pixcrawler.host.stack.auth.settings import AuthSettings

__all__ = ["AuthServer", "AuthSettings"]
