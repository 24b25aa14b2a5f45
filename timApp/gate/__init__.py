"""The gate: says to reverse proxies who may pass to what other programs serve."""
