//! Sign-in on real stores.
