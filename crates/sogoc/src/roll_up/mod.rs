//! The roll-up: one ranking over the logs of many, from their streams (DESIGN §9).
//!
//! **Shape.** A source is one log's stream on some NATS server. Each is followed by a task of its own: messages come through
//! a durable consumer, are judged one by one, stored with the position reached in one transaction, acknowledged, and folded
//! into a register of that log. The ranking is a function of those registers alone ([`ranking`]).
//!
//! **What is believed.** Nothing that a message says of itself: the entry must have the form of an entry, be of the one log
//! that the source has, stand at the position that is due, and have the leaf hash that its header tells. One that is known
//! already must be the same, and is passed over; another at its place, or a gap, stops the source and no other, and is told
//! until it is mended. Where a log's key and the address of its checkpoint are given, the root over what was received is
//! held to what the log signed.
//!
//! **Where it goes on.** How far it has come stands in its own store, written with the entries; the consumer is only the
//! bus's view of it. At the start the two are compared, and a consumer that is not exactly there (acks that were lost, a
//! store that was put back, a stream that was made anew) is made again from where the store is. So nothing hangs on
//! redelivery, whose order is not that of the stream.

pub(crate) mod checkpoint;
pub(crate) mod following;
pub(crate) mod ranking;
mod received;
pub(crate) mod sources;
pub(crate) mod store;
#[cfg(test)]
mod tests;
