//! Grants: pages that one domain shares with one other.
