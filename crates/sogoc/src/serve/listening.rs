//! A listener that strangers may talk to: bounded in connections, in time, and in what it waits for.
//!
//! A client that sends its headers slowly, or does not take its answer, loses its connection; one that keeps its
//! connection open between requests keeps it for a while. On SIGTERM or Ctrl-C requests that have begun are answered,
//! no new ones are taken, and what is not done after [`STOP_SECONDS_MAX`] is cut.

use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep};

use crate::failure::{Failure, Remedy};

/// Connections at once; more wait to be accepted.
const CONNECTIONS_MAX: usize = 256;
/// Longest wait for the headers of a request, and so for the next request on a connection that is kept.
const HEADERS_SECONDS_MAX: u64 = 10;
/// Longest time in which a client takes no byte of its answer.
const STALLED_SECONDS_MAX: u64 = 10;
/// Longest life of a connection, so that slow clients cannot hold all of them for ever.
const CONNECTION_SECONDS_MAX: u64 = 120;
/// Largest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 16 * 1_024;
/// Longest wait for requests that have begun, when stopping.
const STOP_SECONDS_MAX: u64 = 5;
/// Pause when the system has no room for a connection (too many open files).
const NO_ROOM_MS: u64 = 100;

/// A bound socket.
#[derive(Debug)]
pub(crate) struct Listening {
    listener: TcpListener,
    address: SocketAddr,
}

/// Binds `address`, such as `127.0.0.1:8000`; port 0 takes a free one.
///
/// # Errors
/// When the address is none, or cannot be had.
pub(crate) async fn bind(address: &str) -> Result<Listening, Failure> {
    let bound = async {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        io::Result::Ok(Listening { listener, address })
    };
    bound.await.map_err(|error| Failure::Unavailable {
        message: format!("--listen {address}: {error}"),
        remedy: Remedy {
            vi: "ghi ĐỊA-CHỈ:CỔNG còn trống, như 127.0.0.1:8000; cổng 0 tự chọn",
            en: "give a free ADDRESS:PORT, such as 127.0.0.1:8000; port 0 takes any",
        },
    })
}

impl Listening {
    /// Where it listens really.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` says so, then ends in order.
    pub(crate) async fn serve(self, router: Router, mut stop: Stop) {
        let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut connections = JoinSet::new();
        loop {
            let next = async {
                let place = Arc::clone(&room).acquire_owned().await.expect("the semaphore is never closed");
                (self.listener.accept().await, place)
            };
            let (accepted, place) = tokio::select! {
                next = next => next,
                () = stop.asked() => break,
            };
            match accepted {
                Ok((stream, _)) => {
                    let served = connection(stream, router.clone(), stop.clone());
                    connections.spawn(async move {
                        served.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(error = %error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(NO_ROOM_MS)).await;
                }
            }
            while connections.try_join_next().is_some() {}
        }
        drop(self.listener);
        let ended = async { while connections.join_next().await.is_some() {} };
        // What has not ended by then is cut when the set is dropped.
        let _ = tokio::time::timeout(Duration::from_secs(STOP_SECONDS_MAX), ended).await;
    }
}

/// Serves one connection to its end.
async fn connection(stream: TcpStream, router: Router, mut stop: Stop) {
    let _ = stream.set_nodelay(true);
    let io = TokioIo::new(Impatient { stream, stalled: None });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        // A client that says that it has nothing more to ask still wants its answer.
        .half_close(true)
        .header_read_timeout(Duration::from_secs(HEADERS_SECONDS_MAX))
        .max_buf_size(HEAD_BYTES_MAX);
    let mut served = pin!(builder.serve_connection(io, TowerToHyperService::new(router)));
    let old = tokio::time::sleep(Duration::from_secs(CONNECTION_SECONDS_MAX));
    tokio::select! {
        // Errors are the client's: it went away, was too slow, or spoke no HTTP.
        _ = served.as_mut() => return,
        () = stop.asked() => {}
        () = old => {}
    }
    served.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(Duration::from_secs(STOP_SECONDS_MAX), served).await;
}

/// Tells everybody when it is time to stop.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Stops at SIGTERM or Ctrl-C.
    ///
    /// # Errors
    /// When the system lets no signals be heard.
    pub(crate) fn at_signals() -> Result<Self, Failure> {
        let (stop, stopped) = watch::channel(false);
        let signals = signals().map_err(|error| Failure::Unavailable {
            message: format!("signals: {error}"),
            remedy: Remedy { vi: "kiểm tra hệ điều hành", en: "check the operating system" },
        })?;
        tokio::spawn(async move {
            signals.await;
            stop.send_replace(true);
        });
        Ok(Self(stopped))
    }

    /// Stops when the sender of `stopped` says so.
    #[cfg(test)]
    pub(crate) fn when(stopped: watch::Receiver<bool>) -> Self {
        Self(stopped)
    }

    /// Waits until it is time to stop.
    pub(crate) async fn asked(&mut self) {
        // A sender that is gone can ask no more.
        if self.0.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(unix)]
fn signals() -> io::Result<impl Future<Output = ()> + Send> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn signals() -> io::Result<impl Future<Output = ()> + Send> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

/// A stream whose writes fail when the other side takes nothing for [`STALLED_SECONDS_MAX`].
#[derive(Debug)]
struct Impatient {
    stream: TcpStream,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Impatient {
    /// Passes on what became of a write, and begins or ends the wait.
    fn bounded<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let limit = Duration::from_secs(STALLED_SECONDS_MAX);
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + limit)));
        match stalled.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Impatient {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Impatient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.bounded(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.bounded(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.bounded(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
