"""What a person sees: the pages of the running stack in a real Chromium."""
