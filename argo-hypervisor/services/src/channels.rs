//! Event channels: ports that are unbound, or bound to a port of another domain.
