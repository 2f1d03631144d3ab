"""Every user action: id, label, key, enabled_when and its reason, handler."""
