//! A network between two programs that can be cut: bytes stop, and nobody is told.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// What becomes of connections when the network is whole again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Then {
    /// What was sent meanwhile arrives late: TCP has sent it again.
    TheyGoOn,
    /// Nothing that was sent, or will be, ever arrives, and no end either: a host lost power, a firewall its state.
    TheyAreLost,
}

/// Passes on what comes to its address.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    network: Arc<Network>,
}

#[derive(Debug, Default)]
struct Network {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    cut: bool,
    /// Connections of earlier epochs are lost.
    epoch: u64,
}

impl Proxy {
    pub(crate) fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let network = Arc::new(Network::default());
        let shared = Arc::clone(&network);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let network = Arc::clone(&shared);
                std::thread::spawn(move || {
                    // Who connects while the network is cut waits for the handshake.
                    let epoch = network.whole();
                    if let Ok(server) = TcpStream::connect(target) {
                        join(client, server, epoch, &network);
                    }
                });
            }
        });
        Self { address, network }
    }

    /// Lets nothing through in either direction, and closes nothing.
    pub(crate) fn cut(&self) {
        self.network.state().cut = true;
    }

    /// Lets everything through again.
    pub(crate) fn mend(&self, then: Then) {
        let mut state = self.network.state();
        state.cut = false;
        if then == Then::TheyAreLost {
            state.epoch += 1;
        }
        drop(state);
        self.network.changed.notify_all();
    }
}

impl Network {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the network is whole; gives the epoch.
    fn whole(&self) -> u64 {
        let state = self.state();
        let state = self.changed.wait_while(state, |state| state.cut).unwrap_or_else(PoisonError::into_inner);
        state.epoch
    }
}

/// Passes on in both directions until one side ends.
fn join(client: TcpStream, server: TcpStream, epoch: u64, network: &Arc<Network>) {
    let both = || io::Result::Ok((client.try_clone()?, server.try_clone()?));
    let Ok((back, from)) = both() else { return };
    let shared = Arc::clone(network);
    let answers = std::thread::spawn(move || pass_on(from, back, epoch, &shared));
    pass_on(client, server, epoch, network);
    let _ = answers.join();
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, epoch: u64, network: &Network) {
    let mut buffer = vec![0; 65_536];
    loop {
        // An end is news too, and does not come through while the network is cut.
        let read = from.read(&mut buffer).unwrap_or(0);
        let lost = network.whole() != epoch;
        if !lost && read > 0 && to.write_all(&buffer[..read]).is_ok() {
            continue;
        }
        if !lost {
            let _ = to.shutdown(std::net::Shutdown::Both);
        }
        // Of a lost connection neither side hears of the other's end; what it sends goes nowhere.
        if !lost || read == 0 {
            return;
        }
    }
}
