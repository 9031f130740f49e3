//! The same question about many things, asked by several threads.

/// The most threads that ask; more only wait for the file system.
const MOST_THREADS: usize = 4;

/// So many are worth a thread.
const WORTH_A_THREAD: usize = 64;

/// Asks about each, and answers in their order.
pub(super) fn ask<T: Sync, R: Send>(all: &[T], question: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
    let part = all.len().div_ceil(threads).max(WORTH_A_THREAD);
    if all.len() <= part {
        return all.iter().map(question).collect();
    }
    let question = &question;
    std::thread::scope(|scope| {
        let parts = all.chunks(part).map(|part| scope.spawn(move || part.iter().map(question).collect::<Vec<_>>()));
        let parts: Vec<_> = parts.collect();
        let joined = parts.into_iter().map(|part| part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        joined.flatten().collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_in_order() {
        for count in [0, 1, 64, 65, 1_000] {
            let all: Vec<usize> = (0..count).collect();
            assert_eq!(ask(&all, |number| number * 2), all.iter().map(|number| number * 2).collect::<Vec<_>>());
        }
    }
}
