//! A listener that strangers may talk to: bounded in connections, in time, and in what it waits for.
//!
//! A client that sends its headers slowly, or does not take its answer, loses its connection; one that keeps its
//! connection open between requests keeps it for a while. On SIGTERM or Ctrl-C requests that have begun are answered,
//! no new ones are taken, and what is not done after a while is cut.
//!
//! A client that closes its connection is known to be gone at once, and what was done for it alone ends there, whatever
//! the protocol: a watch gives its place free. Over HTTP/1.1 one that closes only its own side while it waits for an
//! answer counts as gone too, for nothing tells the two apart before something is written, and a watch of a quiet log may
//! have nothing to write for hours. One that is lost without a word (its machine or its network went away) is asked for by
//! the system, whatever the protocol, and its connection ends within [`LOST_SECONDS_MAX`].

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep};
use tower::Service;

use super::tls::Certificate;
use super::together::{self, Together};
use crate::access::Source;
use crate::failure::{Failure, Remedy};
use crate::telemetry::Connected;

/// Longest wait for the headers of a request, and so for the next request on a connection that is kept.
const HEADERS_SECONDS_MAX: u64 = 10;
/// Longest time in which a client takes no byte of its answer.
const STALLED_SECONDS_MAX: u64 = 10;
/// Longest wait for the other side of a TLS handshake.
const HANDSHAKE_SECONDS_MAX: u64 = 10;
/// How often a connection of HTTP/2 is asked whether anybody is there, and how long the answer may take.
const PING_SECONDS: u64 = 20;
/// Longest time in which a machine that is asked for does not answer.
const LOST_SECONDS_MAX: u64 = 120;
/// After how long a silence it is asked for, and how often then.
const SILENT_SECONDS: u64 = 60;
const ASKED_SECONDS: u64 = 15;
/// Requests at once on one connection of HTTP/2.
const STREAMS_MAX: u32 = 256;
/// Pause when the system has no room for a connection (too many open files).
const NO_ROOM_MS: u64 = 100;

/// What a listener puts up with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manners {
    /// Connections at once; more wait to be accepted.
    pub(crate) connections_max: usize,
    /// Longest life of a connection, so that slow clients cannot hold all of them for ever.
    pub(crate) connection_seconds_max: u64,
    /// Largest head of a request, in bytes.
    pub(crate) head_bytes_max: usize,
    /// Longest wait for requests that have begun, when stopping.
    pub(crate) stop_seconds_max: u64,
}

impl Default for Manners {
    fn default() -> Self {
        Self { connections_max: 256, connection_seconds_max: 120, head_bytes_max: 16 * 1_024, stop_seconds_max: 5 }
    }
}

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

    /// Serves plain HTTP with the usual manners until `stop` says so, then ends in order.
    pub(crate) async fn serve(self, router: Router, stop: Stop) {
        self.serve_with(router, stop, Manners::default(), None).await;
    }

    /// Serves HTTP/1.1 and HTTP/2, with TLS where there is a certificate, until `stop` says so, then ends in order.
    pub(crate) async fn serve_with<A: Answers>(
        self,
        answers: A,
        mut stop: Stop,
        manners: Manners,
        certificate: Option<Certificate>,
    ) {
        let room = Arc::new(Semaphore::new(manners.connections_max));
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
                Ok((stream, peer)) => {
                    let service = Told { answers: answers.clone(), source: Source(peer.ip()) };
                    let (certificate, stop) = (certificate.clone(), stop.clone());
                    connections.spawn(async move {
                        let _counted = Connected::begin();
                        secured(stream, service, stop, manners, certificate).await;
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
        let _ = tokio::time::timeout(Duration::from_secs(manners.stop_seconds_max), ended).await;
    }
}

/// What answers requests, for each connection a clone.
pub(crate) trait Answers:
    Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

impl<A> Answers for A where
    A: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

/// Tells what answers where a request came from.
#[derive(Clone)]
struct Told<A> {
    answers: A,
    source: Source,
}

impl<A: Answers> Service<Request<Incoming>> for Told<A> {
    type Response = A::Response;
    type Error = A::Error;
    type Future = A::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.answers.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Incoming>) -> A::Future {
        request.extensions_mut().insert(self.source);
        self.answers.call(request)
    }
}

/// Does the TLS handshake where there is a certificate, then serves.
async fn secured<A: Answers>(
    stream: TcpStream,
    service: Told<A>,
    stop: Stop,
    manners: Manners,
    certificate: Option<Certificate>,
) {
    let _ = stream.set_nodelay(true);
    // Errors are those of a connection that is gone already.
    let _ = notices_loss(&stream);
    let stream = Impatient { stream, stalled: None };
    match certificate {
        None => connection(stream, service, stop, manners).await,
        Some(certificate) => {
            let shaken = certificate.acceptor().accept(stream);
            // Errors are the client's: it went away, was too slow, or spoke no TLS.
            if let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_secs(HANDSHAKE_SECONDS_MAX), shaken).await {
                connection(stream, service, stop, manners).await;
            }
        }
    }
}

/// Has the system end the connection where the machine at its other end is gone without a word: it is asked for while there
/// is nothing to send, and what was sent must be acknowledged.
fn notices_loss(stream: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(stream);
    let asking = TcpKeepalive::new()
        .with_time(Duration::from_secs(SILENT_SECONDS))
        .with_interval(Duration::from_secs(ASKED_SECONDS));
    socket.set_tcp_keepalive(&asking)?;
    // Elsewhere what is not acknowledged is given up when the system does, after a quarter of an hour or so.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(Duration::from_secs(LOST_SECONDS_MAX)))?;
    Ok(())
}

/// Serves one connection to its end.
async fn connection<S, A: Answers>(stream: S, service: Told<A>, mut stop: Stop, manners: Manners)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (begins, begun) = together::calls();
    let mut builder = hyper_util::server::conn::auto::Builder::new(begins);
    builder
        .http1()
        .timer(TokioTimer::new())
        .half_close(false)
        .header_read_timeout(Duration::from_secs(HEADERS_SECONDS_MAX))
        .max_buf_size(manners.head_bytes_max.max(8 * 1_024));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(manners.head_bytes_max).unwrap_or(u32::MAX))
        .keep_alive_interval(Duration::from_secs(PING_SECONDS))
        .keep_alive_timeout(Duration::from_secs(PING_SECONDS));
    let service = TowerToHyperService::new(service);
    let served = pin!(builder.serve_connection(TokioIo::new(Prompt::new(stream)), service));
    let mut served = Together::new(served, begun);
    let old = tokio::time::sleep(Duration::from_secs(manners.connection_seconds_max));
    tokio::select! {
        // Errors are the client's: it went away, was too slow, or spoke no HTTP.
        _ = &mut served => return,
        () = stop.asked() => {}
        () = old => {}
    }
    served.connection().graceful_shutdown();
    let _ = tokio::time::timeout(Duration::from_secs(manners.stop_seconds_max), served).await;
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

/// A stream whose reads fail when the other side does not even say which HTTP it speaks within [`HEADERS_SECONDS_MAX`]:
/// until then nobody else keeps the time.
#[derive(Debug)]
struct Prompt<S> {
    stream: S,
    /// Bytes of a preface that have not come yet.
    due: usize,
    late: Pin<Box<Sleep>>,
}

impl<S> Prompt<S> {
    fn new(stream: S) -> Self {
        /// As long as the preface of HTTP/2.
        const PREFACE_BYTES: usize = 24;
        let limit = Duration::from_secs(HEADERS_SECONDS_MAX);
        Self { stream, due: PREFACE_BYTES, late: Box::pin(tokio::time::sleep(limit)) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Prompt<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if read.is_ready() {
            self.due = self.due.saturating_sub(buffer.filled().len() - before);
            return read;
        }
        if self.due > 0 && self.late.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prompt<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
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
