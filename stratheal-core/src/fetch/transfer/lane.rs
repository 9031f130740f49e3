//! One connection of a transfer: what it is to bring, how far it is, and what comes next from it.

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::head::Asked;
use super::window::Window;
use crate::fetch::failure::Failure;
use crate::fetch::member::{MemberState, Turn};
use crate::fetch::shared::Location;
use crate::fetch::transport::{Answer, Ask, Body, Transport};

/// What happened on a connection.
#[derive(Debug)]
pub(super) enum Happened {
    /// It has its turn, and asks now.
    Entered(Turn),
    /// The head of an answer came, or none.
    Answered(Result<Answer, Failure>),
    /// The next bytes came, or the end, or none will come.
    Chunk(Body, Result<Option<Bytes>, Failure>),
}

type Next = Pin<Box<dyn Future<Output = Happened> + Send>>;

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The member serves as many as it can.
    Queued,
    /// It was asked.
    Asked,
    /// The body comes.
    Body,
}

/// One connection.
pub(super) struct Lane {
    pub(super) id: u32,
    /// Which of the places of the file it asks.
    pub(super) place: usize,
    /// What it asked for.
    pub(super) asked: Asked,
    /// The first byte that it brings.
    pub(super) start: u64,
    /// The next byte that it brings.
    pub(super) at: u64,
    /// It is not needed from this byte on; `None` while nobody knows the size.
    pub(super) end: Option<u64>,
    pub(super) phase: Phase,
    /// Its last sign of life.
    pub(super) since: Instant,
    /// When its body began.
    pub(super) body_since: Instant,
    pub(super) window: Window,
    /// Bytes that came.
    pub(super) received: u64,
    /// Bytes that came and were not there yet.
    pub(super) useful: u64,
    /// Where the body ends, as its head says.
    pub(super) body_end: Option<u64>,
    /// How often it was challenged in vain, and when last.
    pub(super) challenges: u32,
    pub(super) challenged: Option<Instant>,
    /// When it is to be looked at, should no answer have come.
    pub(super) due: Option<Instant>,
    /// It is there because another one is slow.
    pub(super) is_challenger: bool,
    /// Bytes that are not handed to the disk yet.
    pub(super) held: Held,
    turn: Option<Turn>,
    next: Next,
}

/// Bytes that wait until writing them is worth it.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) pieces: Vec<Bytes>,
    pub(super) since: Option<Instant>,
}

impl Lane {
    pub(super) fn new(id: u32, place: usize, member: &Arc<MemberState>, range: Range<u64>, now: Instant) -> Self {
        let member = member.clone();
        let enter = async move { Happened::Entered(member.enter().await) };
        Self {
            id,
            place,
            asked: Asked::default(),
            start: range.start,
            at: range.start,
            end: (range.end < u64::MAX).then_some(range.end),
            phase: Phase::Queued,
            since: now,
            body_since: now,
            window: Window::new(now),
            received: 0,
            useful: 0,
            body_end: None,
            challenges: 0,
            challenged: None,
            due: None,
            is_challenger: false,
            held: Held::default(),
            turn: None,
            next: Box::pin(enter),
        }
    }

    /// It has its turn, and sends its question.
    pub(super) fn ask(&mut self, turn: Turn, transport: &Transport, location: &Location, ask: Ask) {
        (self.phase, self.since) = (Phase::Asked, turn.begun());
        self.turn = Some(turn);
        let (transport, url) = (transport.clone(), location.url.clone());
        self.next = Box::pin(async move { Happened::Answered(transport.get(&url, &ask).await) });
    }

    /// It says next to nothing, and leaves its place to whoever challenges it. Otherwise connections that are silent would hold all
    /// places of a member, their challengers would wait for one, and everything would stand still.
    pub(super) fn give_way(&mut self) {
        self.turn = None;
    }

    /// How long the answer took.
    pub(super) fn latency(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }

    /// The body begins.
    pub(super) fn receive(&mut self, body: Body, now: Instant) {
        (self.due, self.challenges, self.challenged) = (None, 0, None);
        (self.phase, self.since, self.body_since, self.window) = (Phase::Body, now, now, Window::new(now));
        self.go_on(body);
    }

    /// It waits for the next bytes.
    pub(super) fn go_on(&mut self, mut body: Body) {
        self.next = Box::pin(async move {
            let chunk = body.next_chunk().await;
            Happened::Chunk(body, chunk)
        });
    }

    /// What it is still to bring.
    pub(super) fn rest(&self) -> Range<u64> {
        self.at..self.end.unwrap_or(u64::MAX)
    }

    pub(super) fn is_done(&self) -> bool {
        self.end.is_some_and(|end| self.at >= end)
    }
}

/// Waits until something happens on one of the connections; which one is looked at first changes each time, so that none starves.
pub(super) fn poll_lanes(lanes: &mut [Lane], first: usize, cx: &mut Context<'_>) -> Poll<(usize, Happened)> {
    let count = lanes.len();
    for step in 0..count {
        let index = (first + step) % count;
        if let Poll::Ready(happened) = lanes[index].next.as_mut().poll(cx) {
            // It is asked again only after the next step was set.
            lanes[index].next = Box::pin(std::future::pending());
            return Poll::Ready((index, happened));
        }
    }
    Poll::Pending
}
