//! The one door: a command comes in, a receipt or a refusal goes out.
