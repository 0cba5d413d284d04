//! A proxy on loopback that lets through, holds back, delays or cuts what a server replies.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// What happens to connections and replies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mode {
    /// They pass.
    Pass,
    /// The next this many bytes of replies pass; then the connection that they were on is cut, and all passes again.
    Cut(usize),
    /// Replies are held back until the mode changes, and pass then.
    Hang,
    /// Each piece of a reply waits this long.
    Delay(Duration),
    /// Connections are closed, new ones as well.
    Refuse,
}

/// A proxy; its threads end with its connections.
pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    target: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    mode: Mode,
    cuts: usize,
    open: Vec<TcpStream>,
}

impl Proxy {
    /// Starts a proxy before a server on this port.
    pub(crate) fn new(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let shared = Arc::new(Shared {
            target: SocketAddr::from(([127, 0, 0, 1], port)),
            state: Mutex::new(State { mode: Mode::Pass, cuts: 0, open: Vec::new() }),
            changed: Condvar::new(),
        });
        let address = listener.local_addr().unwrap();
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                // A server that is away and a client that has gone are nothing to the proxy: it closes.
                let _ = accepting.open(client.unwrap());
            }
        });
        Self { address, shared }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the mode, at once for open connections too.
    pub(crate) fn set(&self, mode: Mode) {
        let mut state = self.shared.state.lock().unwrap();
        state.mode = mode;
        if mode == Mode::Refuse {
            for stream in state.open.drain(..) {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        self.shared.changed.notify_all();
    }

    /// Connections that [`Mode::Cut`] has cut so far.
    pub(crate) fn cuts(&self) -> usize {
        self.shared.state.lock().unwrap().cuts
    }
}

impl Shared {
    fn open(self: &Arc<Self>, client: TcpStream) -> std::io::Result<()> {
        if self.state.lock().unwrap().mode == Mode::Refuse {
            return Ok(());
        }
        let server = TcpStream::connect(self.target)?;
        for stream in [&client, &server] {
            stream.set_nodelay(true)?;
            self.state.lock().unwrap().open.push(stream.try_clone()?);
        }
        let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
        thread::spawn(move || {
            let _ = std::io::copy(&mut from_client, &mut to_server);
            let _ = to_server.shutdown(Shutdown::Both);
            let _ = from_client.shutdown(Shutdown::Both);
        });
        let shared = Arc::clone(self);
        thread::spawn(move || {
            let _ = shared.replies(&server, &client);
            let _ = server.shutdown(Shutdown::Both);
            let _ = client.shutdown(Shutdown::Both);
        });
        Ok(())
    }

    fn replies(&self, mut server: &TcpStream, mut client: &TcpStream) -> std::io::Result<()> {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let length = server.read(&mut buffer)?;
            if length == 0 {
                return Ok(());
            }
            let passing = self.passing(length);
            client.write_all(&buffer[..passing])?;
            if passing < length {
                return Ok(());
            }
        }
    }

    /// Waits as the mode says, and answers how many of these bytes pass; fewer than all cut the connection.
    fn passing(&self, length: usize) -> usize {
        let mut state = self.state.lock().unwrap();
        while state.mode == Mode::Hang {
            state = self.changed.wait(state).unwrap();
        }
        match state.mode {
            Mode::Delay(pause) => {
                drop(state);
                thread::sleep(pause);
                length
            }
            Mode::Cut(left) if left < length => {
                state.mode = Mode::Pass;
                state.cuts += 1;
                left
            }
            Mode::Cut(left) => {
                state.mode = Mode::Cut(left - length);
                length
            }
            _ => length,
        }
    }
}
