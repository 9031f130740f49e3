//! Asking whoever works on a queue of commands.

use tokio::sync::{mpsc, oneshot};

/// Sends a command with a place for its answer, and waits for that. `None` when whoever would answer has gone.
pub(crate) async fn ask<C, T>(commands: &mpsc::Sender<C>, command: impl FnOnce(oneshot::Sender<T>) -> C) -> Option<T> {
    let (reply, mut answer) = oneshot::channel();
    commands.send(command(reply)).await.ok()?;
    tokio::select! {
        biased;
        answered = &mut answer => answered.ok(),
        // A command that is sent while its queue is being closed may lie there for as long as anybody could send another one.
        () = commands.closed() => answer.try_recv().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_waits_for_one_who_has_gone() {
        let (commands, mut queue) = mpsc::channel::<oneshot::Sender<u8>>(4);
        let answers = async {
            let _ = queue.recv().await.unwrap().send(7);
            // The next one lies in the queue, and is not answered.
            while queue.is_empty() {
                tokio::task::yield_now().await;
            }
            queue.close();
        };
        let asks = async { (ask(&commands, |reply| reply).await, ask(&commands, |reply| reply).await) };
        let (answered, ()) = tokio::join!(asks, answers);
        assert_eq!(answered, (Some(7), None));
        assert_eq!(ask(&commands, |reply| reply).await, None);
    }
}
