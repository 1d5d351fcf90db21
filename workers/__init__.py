"""The job runtime: how a killmail travels through Redis and RQ. The only code that knows either."""
