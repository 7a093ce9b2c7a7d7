"""Reads. Every function starts from who is asking; what the asker may not see does not exist for them."""
