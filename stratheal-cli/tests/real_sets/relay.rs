//! A bad line to a server: connections end in the middle, or fall silent.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// After so many bytes of answers something happens, at least; at most this much more.
const LEAST: usize = 300_000;
const MORE: usize = 4_000_000;
/// How long a silence is, unless the client gives up before.
const SILENCE: Duration = Duration::from_secs(20);

/// Relays to a server until it is dropped.
pub(crate) struct Relay {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    broken: Arc<AtomicUsize>,
}

impl Relay {
    pub(crate) fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (over, broken) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (ends, counted) = (Arc::clone(&over), Arc::clone(&broken));
        std::thread::spawn(move || {
            for (number, client) in listener.incoming().flatten().enumerate() {
                if ends.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(upstream) = TcpStream::connect(server) else { continue };
                let counted = Arc::clone(&counted);
                std::thread::spawn(move || relay(number, &client, &upstream, [address, server], &counted));
            }
        });
        Self { address, over, broken }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections came to a bad end.
    pub(crate) fn broken(&self) -> usize {
        self.broken.load(Ordering::Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

/// Brings bytes to and fro. Every fifth connection falls silent, the others end; none of them well, unless it is short.
fn relay(
    number: usize,
    client: &TcpStream,
    upstream: &TcpStream,
    [own, server]: [SocketAddr; 2],
    broken: &AtomicUsize,
) {
    let (mut requests, mut to_server) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(length @ 1..) = requests.read(&mut buffer) {
            // The server wants to be called by its own name.
            let text = String::from_utf8_lossy(&buffer[..length]).replace(&own.to_string(), &server.to_string());
            if to_server.write_all(text.as_bytes()).is_err() {
                break;
            }
        }
        let _ = to_server.shutdown(Shutdown::Both);
    });
    let (mut answers, mut to_client) = (upstream, client);
    let mut left = LEAST + number * 1_919_003 % MORE;
    let mut buffer = vec![0; 16 << 10];
    while let Ok(length @ 1..) = answers.read(&mut buffer) {
        let length = length.min(left);
        if to_client.write_all(&buffer[..length]).is_err() {
            break;
        }
        left -= length;
        if left == 0 {
            broken.fetch_add(1, Ordering::Relaxed);
            if number.is_multiple_of(5) {
                std::thread::sleep(SILENCE);
            }
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = upstream.shutdown(Shutdown::Both);
}
