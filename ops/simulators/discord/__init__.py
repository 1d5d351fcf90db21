"""The simulated Discord: webhooks with limits, a journal of what was posted, pages that show it."""
