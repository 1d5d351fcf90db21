"""The web page of the operator: liveness, status. Read-only; it answers while everything else is down."""
