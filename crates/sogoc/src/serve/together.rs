//! A connection and the calls that run on it, in one task.
//!
//! A connection of HTTP/2 has many calls at once, and would have each in a task of its own. Every step of a call then passes
//! from thread to thread, to the connection and back, which costs more than most calls do. What takes long is elsewhere in
//! any case: questions that walk much on threads that may block, the log on its own. So a connection's calls take turns in
//! its task, as those of HTTP/1.1 do, and connections share the threads.
//!
//! **Each side has a waker of its own.** An answer to a call does not poll the connection before there is something to send;
//! and what one side does to the other within a poll is seen in the same poll, and leads to no other one.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::task::AtomicWaker;
use tokio::sync::mpsc;

/// Turns of both sides in one poll, before other connections have theirs.
const TURNS_MAX: usize = 16;

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

/// The task that polls both sides.
#[derive(Default)]
struct Task {
    /// Whether it is being polled: then it looks at both sides again before it rests, and need not be woken.
    polled: AtomicBool,
    waker: AtomicWaker,
}

/// One of the two sides.
struct Side {
    woken: AtomicBool,
    task: Arc<Task>,
}

impl Side {
    /// A side that is to be polled.
    fn new(task: &Arc<Task>) -> Arc<Self> {
        Arc::new(Self { woken: AtomicBool::new(true), task: Arc::clone(task) })
    }

    fn take(&self) -> bool {
        self.woken.swap(false, SeqCst)
    }
}

impl Wake for Side {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, SeqCst);
        if !self.task.polled.load(SeqCst) {
            self.task.waker.wake();
        }
    }
}

/// A connection with its calls. Calls that are under way when it ends are dropped with it.
pub(super) struct Together<'a, C> {
    connection: Pin<&'a mut C>,
    begun: Begun,
    calls: FuturesUnordered<BoxFuture<'static, ()>>,
    of_connection: Arc<Side>,
    of_calls: Arc<Side>,
    /// The wakers of both.
    wakers: [Waker; 2],
    task: Arc<Task>,
}

impl<'a, C> Together<'a, C> {
    pub(super) fn new(connection: Pin<&'a mut C>, begun: Begun) -> Self {
        let task = Arc::default();
        let (of_connection, of_calls) = (Side::new(&task), Side::new(&task));
        let wakers = [Waker::from(Arc::clone(&of_connection)), Waker::from(Arc::clone(&of_calls))];
        Self { connection, begun, calls: FuturesUnordered::new(), of_connection, of_calls, wakers, task }
    }

    /// The connection, to be told something; it is polled after that.
    pub(super) fn connection(&mut self) -> Pin<&mut C> {
        self.of_connection.woken.store(true, SeqCst);
        self.connection.as_mut()
    }
}

impl<C: Future> Together<'_, C> {
    /// Polls the sides that are to be polled. Pending where there is none.
    fn turn(&mut self) -> Poll<Option<C::Output>> {
        let mut polled = false;
        if self.of_connection.take() {
            polled = true;
            if let Poll::Ready(ended) = self.connection.as_mut().poll(&mut Context::from_waker(&self.wakers[0])) {
                return Poll::Ready(Some(ended));
            }
        }
        // By the connection, or by a call: one that asked for a tunnel begins another.
        while let Ok(call) = self.begun.0.try_recv() {
            self.calls.push(call);
            self.of_calls.woken.store(true, SeqCst);
        }
        if self.of_calls.take() {
            polled = true;
            let mut context = Context::from_waker(&self.wakers[1]);
            while let Poll::Ready(Some(())) = self.calls.poll_next_unpin(&mut context) {}
        }
        // What has begun meanwhile is taken at the next turn, which follows at once.
        if polled { Poll::Ready(None) } else { Poll::Pending }
    }
}

impl<C: Future> Future for Together<'_, C> {
    type Output = C::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<C::Output> {
        self.task.waker.register(cx.waker());
        self.task.polled.store(true, SeqCst);
        for _ in 0..TURNS_MAX {
            match self.turn() {
                Poll::Ready(Some(ended)) => return Poll::Ready(ended),
                Poll::Ready(None) => {}
                Poll::Pending => {
                    // A side that is woken from here on wakes the task; one that was woken before is seen here.
                    self.task.polled.store(false, SeqCst);
                    if !self.of_connection.woken.load(SeqCst) && !self.of_calls.woken.load(SeqCst) {
                        return Poll::Pending;
                    }
                    self.task.polled.store(true, SeqCst);
                }
            }
        }
        self.task.polled.store(false, SeqCst);
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::atomic::AtomicUsize;

    use hyper::rt::Executor as _;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn whoever_wakes_a_side_has_it_polled_whenever_that_is() {
        const CALLS: usize = 20_000;
        let (begins, begun) = calls();
        let (answers, mut answered) = mpsc::unbounded_channel();
        let (asks, mut asked) = mpsc::unbounded_channel::<oneshot::Receiver<()>>();
        // Answers from other threads, at any moment of a poll.
        let client = tokio::spawn(async move {
            for _ in 0..CALLS {
                let (answer, call) = oneshot::channel();
                asks.send(call).unwrap();
                tokio::spawn(async move { answer.send(()) });
                answered.recv().await.unwrap();
            }
        });
        let connection = pin!(poll_fn(move |cx| {
            while let Poll::Ready(next) = asked.poll_recv(cx) {
                let Some(call) = next else { return Poll::Ready(()) };
                let answers = answers.clone();
                begins.execute(async move {
                    call.await.unwrap();
                    answers.send(()).unwrap();
                });
            }
            Poll::Pending
        }));
        Together::new(connection, begun).await;
        client.await.unwrap();
    }

    #[tokio::test]
    async fn an_answer_to_a_call_does_not_poll_a_connection_that_has_nothing_to_do() {
        let (begins, begun) = calls();
        let polls = Arc::new(AtomicUsize::new(0));
        let (answer, call) = oneshot::channel::<()>();
        let (done, ended) = oneshot::channel();
        let mut call = Some(async move {
            call.await.unwrap();
            done.send(()).unwrap();
        });
        let counted = Arc::clone(&polls);
        let connection = pin!(poll_fn(move |_| {
            counted.fetch_add(1, SeqCst);
            if let Some(call) = call.take() {
                begins.execute(call);
            }
            Poll::<()>::Pending
        }));
        let mut together = Together::new(connection, begun);
        assert!(futures_util::poll!(&mut together).is_pending());
        answer.send(()).unwrap();
        assert!(futures_util::poll!(&mut together).is_pending());
        ended.await.unwrap();
        assert_eq!(polls.load(SeqCst), 1);
        together.connection();
        assert!(futures_util::poll!(&mut together).is_pending());
        assert_eq!(polls.load(SeqCst), 2, "a connection that was told something is polled");
    }

    #[tokio::test]
    async fn a_side_that_is_never_done_lets_other_tasks_have_their_turn() {
        let (_begins, begun) = calls();
        let connection = pin!(poll_fn(|cx: &mut Context<'_>| {
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        }));
        let mut together = Together::new(connection, begun);
        assert!(futures_util::poll!(&mut together).is_pending());
    }
}
