//! Domains inside this process.
