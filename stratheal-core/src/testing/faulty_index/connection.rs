//! One connection: requests in, answers out, until it ends.

use std::sync::Arc;
use std::time::Duration;

use super::answer::Answer;
use super::content::Resource;
use super::delivery;
use super::log::Served;
use super::request::Request;
use super::rule::Target;
use super::server::Shared;
use super::stream::Stream;

/// The longest a connection may last, so that a forgotten client does not hold a test process open.
const LONGEST: Duration = Duration::from_mins(20);

/// Serves a connection until it ends, one way or the other.
pub(super) async fn serve(mut stream: Box<dyn Stream>, shared: Arc<Shared>, connection: u64) {
    let mut died = shared.died();
    let dead = {
        let work = tokio::time::timeout(LONGEST, requests(&mut *stream, &shared, connection));
        tokio::select! {
            _ = work => false,
            _ = died.wait_for(|died| *died) => true,
        }
    };
    if dead {
        // A socket that takes no option is closed all the same.
        let _ = stream.reset_at_end();
    }
}

async fn requests(mut stream: &mut dyn Stream, shared: &Shared, connection: u64) {
    let mut kept = Vec::new();
    let mut carried = 0;
    // The handshake of a connection to somewhere far away.
    tokio::time::sleep(shared.settings.round_trip).await;
    while let Some(request) = Request::read(&mut stream, &mut kept).await {
        let answering = shared.answering();
        let content = shared.content();
        let resource = content.find(&request.path);
        let faults = shared.strikes(resource.as_ref(), &request.path, connection, answering.at_once);
        let mut answer = Answer::new(&request, resource, &content, &faults, carried);
        answer.wait += shared.settings.round_trip;
        if let Some(rate) = shared.settings.connection_rate {
            answer.pace.get_or_insert((0, rate));
        }
        // Noted before it is sent: the server may die or be stopped in between.
        let entry = shared.note(served(&request, resource, &answer, connection));
        let outcome = delivery::deliver(&answer, stream, shared, entry).await;
        shared.noted(entry, |served, now| {
            served.cut = outcome.cut;
            served.took = now.saturating_sub(served.at);
        });
        carried += outcome.sent;
        if !outcome.usable {
            return;
        }
    }
}

fn served(request: &Request, resource: Option<Resource<'_>>, answer: &Answer, connection: u64) -> Served {
    let target = match resource {
        Some(Resource::Root | Resource::Page(_)) => Target::Page,
        Some(Resource::File(_)) => Target::File,
        Some(Resource::Metadata(_)) => Target::Metadata,
        None => Target::Any,
    };
    Served {
        method: request.method.clone(),
        path: request.path.clone(),
        target,
        status: answer.told_status(),
        from: answer.from,
        bytes_sent: 0,
        connection,
        cut: true,
        at: Duration::ZERO,
        took: Duration::ZERO,
        headers: request.headers.clone(),
    }
}
