"""Where killmails come from: each source gives raw bodies and where to go on. Decoding is `killmail`'s part."""
