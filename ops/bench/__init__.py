"""Measurements that can be repeated: `ops/run bench NAME`. Nothing of the product imports from here."""
