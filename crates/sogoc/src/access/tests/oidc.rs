//! Sign-in at a real provider.
