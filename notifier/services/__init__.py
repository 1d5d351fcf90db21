"""The services that this project speaks to over HTTP.

One client each, typed replies; no retries and no queues here.
"""
