"""Who is told of changes of sessions beside other hosts: webhooks, and OpenID Shared Signals."""
