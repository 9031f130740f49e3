//! What the keeper tells.

use tokio::sync::mpsc;

use super::actor::Actor;
use super::event::What;
use crate::model::ServiceId;
use crate::service::connection::News;
use crate::service::protocol::{Event, Request};
use crate::service::state::Input;

impl Actor {
    pub(super) fn hear(&mut self, news: Option<News>) {
        match news {
            Some(News::Up { runs, cleared }) => self.reconcile(&runs, cleared),
            Some(News::Event(event)) => self.hear_event(event),
            Some(News::Down) => tracing::warn!("the connection to the keeper broke"),
            Some(News::Unreachable(why)) => tracing::error!(why, "no keeper can be reached"),
            Some(News::Replaced) => tracing::error!("another engine took over the services of this folder"),
            None => self.news = None,
        }
    }

    fn hear_event(&mut self, event: Event) {
        let (run, input) = match event {
            Event::Executed { run } => (run.clone(), Some(Input::Executed { run })),
            Event::Ready { run } => (run.clone(), Some(Input::Ready { run })),
            Event::Ended { run, ending } => (run.clone(), Some(Input::Ended { run, ending })),
            Event::Gone { run } => (run.clone(), Some(Input::Gone { run })),
            Event::Text { run, text } => {
                if let Some(id) = self.owner(&run) {
                    if let Some(entry) = self.entries.get_mut(&id) {
                        entry.text = Some(text.clone());
                    }
                    self.tell(&id, What::Says { text });
                    self.publish(&id);
                }
                return;
            }
            Event::Stuck { run, pids } => {
                if let Some(id) = self.owner(&run) {
                    if let Some(entry) = self.entries.get_mut(&id) {
                        entry.not_stopped = Some(format!("the processes {pids:?} cannot be killed"));
                    }
                    self.tell(&id, What::Stuck { pids });
                }
                return;
            }
            Event::Cleared { cleared } => return self.hear_cleared(cleared),
            Event::Stopping { .. } | Event::Replaced => return,
        };
        match (self.owner(&run), input) {
            (Some(id), Some(input)) => self.drive(id, input),
            // A run that nobody claimed, and whose start was given up.
            (None, Some(Input::Gone { run })) => self.acknowledge(run),
            (None, Some(Input::Executed { run })) if self.applied => {
                if let Some(link) = self.link.clone() {
                    tokio::spawn(async move { link.ask(Request::Stop { run }).await });
                }
            }
            _ => {}
        }
    }

    fn owner(&self, run: &str) -> Option<ServiceId> {
        self.entries.iter().find(|(_, entry)| entry.machine.run() == Some(run)).map(|(id, _)| id.clone())
    }
}

/// The next news; none ever without a keeper.
pub(super) async fn next(news: &mut Option<mpsc::Receiver<News>>) -> Option<News> {
    match news {
        Some(news) => news.recv().await,
        None => std::future::pending().await,
    }
}
