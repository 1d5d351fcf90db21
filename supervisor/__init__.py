"""OTP's supervision semantics over operating-system processes. Generic: knows nothing of killmails, Redis or RQ."""
