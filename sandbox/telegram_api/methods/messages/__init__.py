"""Methods on messages: they send, edit, forward, delete, pin and react."""
