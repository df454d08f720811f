//! A connection and the calls that run on it, in one task.
//!
//! A connection of HTTP/2 has many calls at once, and would have each in a task of its own. Every step of a call then passes
//! from thread to thread, to the connection and back, which costs more than most calls do. What takes long is elsewhere in
//! any case: questions that walk much on threads that may block, the log on its own. So a connection's calls take turns in
//! its task, as those of HTTP/1.1 do, and connections share the threads.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;

/// Takes the calls that begin on a connection.
#[derive(Clone)]
pub(super) struct Begins(mpsc::UnboundedSender<BoxFuture<'static, ()>>);

/// Gives the calls that began to who runs them.
pub(super) struct Begun(mpsc::UnboundedReceiver<BoxFuture<'static, ()>>);

/// The two ends. How many calls may begin is bounded by the connection.
pub(super) fn calls() -> (Begins, Begun) {
    let (begins, begun) = mpsc::unbounded_channel();
    (Begins(begins), Begun(begun))
}

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Begins {
    fn execute(&self, call: F) {
        // Where the connection is over nobody waits for the call.
        let _ = self.0.send(Box::pin(call));
    }
}

/// A connection with its calls. Calls that are under way when it ends are dropped with it.
pub(super) struct Together<'a, C> {
    pub(super) connection: Pin<&'a mut C>,
    begun: Begun,
    calls: FuturesUnordered<BoxFuture<'static, ()>>,
}

impl<'a, C> Together<'a, C> {
    pub(super) fn new(connection: Pin<&'a mut C>, begun: Begun) -> Self {
        Self { connection, begun, calls: FuturesUnordered::new() }
    }
}

impl<C: Future> Future for Together<'_, C> {
    type Output = C::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<C::Output> {
        loop {
            if let Poll::Ready(ended) = self.connection.as_mut().poll(cx) {
                return Poll::Ready(ended);
            }
            while let Poll::Ready(Some(call)) = self.begun.0.poll_recv(cx) {
                self.calls.push(call);
            }
            let mut answered = false;
            while let Poll::Ready(Some(())) = self.calls.poll_next_unpin(cx) {
                answered = true;
            }
            if !answered {
                return Poll::Pending;
            }
            // The connection has an answer to send.
        }
    }
}
