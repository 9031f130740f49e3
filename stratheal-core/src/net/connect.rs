//! A TCP connection to the first of several addresses that answers.
//!
//! After RFC 8305 (Happy Eyeballs), section 5: addresses are tried in the order the system gave, the next one after 250 ms
//! or as soon as the one before failed, and attempts that run already go on.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::net::TcpStream;

/// When the next address is tried as well.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Connects to the first address that answers; the error is that of the first address that failed.
pub(super) async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, (SocketAddr, io::Error)> {
    let attempt =
        |address: SocketAddr| async move { TcpStream::connect(address).await.map_err(|error| (address, error)) };
    let [first, rest @ ..] = addresses else {
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        return Err((nowhere, io::Error::new(io::ErrorKind::NotFound, "there is no address")));
    };
    if rest.is_empty() {
        return attempt(*first).await;
    }
    let mut waiting = rest.iter();
    let mut running = FuturesUnordered::from_iter([attempt(*first)]);
    let mut first_error = None;
    loop {
        let finished = if waiting.len() == 0 {
            running.next().await
        } else {
            tokio::time::timeout(ATTEMPT_DELAY, running.next()).await.unwrap_or(None)
        };
        match finished {
            Some(Ok(stream)) => return Ok(stream),
            Some(Err(failed)) => {
                first_error.get_or_insert(failed);
            }
            None => {}
        }
        match (waiting.next(), first_error) {
            (Some(next), error) => {
                running.push(attempt(*next));
                first_error = error;
            }
            (None, Some(error)) if running.is_empty() => return Err(error),
            (None, error) => first_error = error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    async fn free_address() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
    }

    #[tokio::test]
    async fn a_refused_address_is_passed_over() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let good = listener.local_addr().unwrap();
        let refused = free_address().await;
        for addresses in [vec![good], vec![refused, good], vec![refused, refused, good], vec![good, refused]] {
            let stream = connect(&addresses).await.unwrap();
            assert_eq!(stream.peer_addr().unwrap(), good);
        }
        let also_refused = free_address().await;
        let (at, error) = connect(&[refused, also_refused]).await.unwrap_err();
        assert_eq!((at, error.kind()), (refused, io::ErrorKind::ConnectionRefused));
    }

    #[tokio::test]
    async fn nothing_to_connect_to_is_an_error() {
        assert_eq!(connect(&[]).await.unwrap_err().1.kind(), io::ErrorKind::NotFound);
    }
}
