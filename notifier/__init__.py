"""The domain: killmails, whom they concern, and what Discord is told.

Knows no queue, no process and none of our other packages. Nouns (killmail, universe, tracking, messages, outcome,
config) are pure; proper names (feeds, services) are edges.
"""

__version__ = "0.1.0"
